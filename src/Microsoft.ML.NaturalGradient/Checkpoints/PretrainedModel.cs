using System.Reflection;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML;

/// <summary>A pretrained model to start training from: one that comes in a package, or one in a folder.</summary>
/// <remarks>Only names the model; its files are looked for when training starts.</remarks>
public sealed class PretrainedModel
{
    private static readonly string[] PartPatterns = ["model.safetensors.index.json", "model-*-of-*.safetensors"];
    private static readonly string[] PicklePatterns = ["pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl"];

    private readonly string _name;
    private readonly Func<CheckpointFiles> _open;

    private PretrainedModel(string name, Func<CheckpointFiles> open, string? location)
    {
        _name = name;
        _open = open;
        Location = location;
    }

    /// <summary>
    /// The English text encoder all-MiniLM-L6-v2 (6 layers, 384 wide, 22.7 million parameters), from the package
    /// Microsoft.ML.NaturalGradient.MiniLM; needs no network.
    /// </summary>
    public static PretrainedModel MiniLM { get; } = FromPackage(
        "MiniLM", "Microsoft.ML.NaturalGradient.MiniLM", "sentence-transformers/all-MiniLM-L6-v2");

    /// <summary>Folder or hub name by which Python finds the model too; null where there is none.</summary>
    internal string? Location { get; }

    /// <summary>A model in a folder, laid out as Hugging Face does: at least config.json and model.safetensors.</summary>
    /// <param name="path">Path of the folder.</param>
    /// <returns>The model; the folder is not looked at before training starts.</returns>
    /// <exception cref="ArgumentException"><paramref name="path"/> is null or empty.</exception>
    public static PretrainedModel FromFolder(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var folder = Path.GetFullPath(path);
        return new PretrainedModel($"the model in '{folder}'", () => OpenFolder(folder), folder);
    }

    /// <inheritdoc/>
    public override string ToString() => _name;

    /// <summary>A model embedded in an assembly of the same name as its package.</summary>
    internal static PretrainedModel FromPackage(string name, string package, string? location = null) =>
        new(name, () => OpenPackage(name, package), location);

    /// <summary>Looks for the files.</summary>
    /// <returns>The files, config.json and model.safetensors among them; the caller disposes them.</returns>
    /// <exception cref="IOException">A file, or the folder, is not there.</exception>
    /// <exception cref="NotSupportedException">The weights are there, but in a form that is not read.</exception>
    /// <exception cref="InvalidOperationException">The model's package is not there.</exception>
    internal CheckpointFiles Open() => _open();

    private static ResourceCheckpointFiles OpenPackage(string name, string package)
    {
        try
        {
            return new ResourceCheckpointFiles(Assembly.Load(package));
        }
        catch (FileNotFoundException e)
        {
            throw new InvalidOperationException(
                $"The model {name} comes in the package {package}, which this application does not have. Add it "
                + $"('dotnet add package {package}') or use another model through PretrainedModel.FromFolder.", e);
        }
    }

    private static FolderCheckpointFiles OpenFolder(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"There is no folder '{folder}'. Give PretrainedModel.FromFolder a folder with {CheckpointFiles.ConfigName} "
                + $"and {CheckpointFiles.WeightsName}.");
        }
        var files = new FolderCheckpointFiles(folder);
        if (!files.Exists(CheckpointFiles.ConfigName))
        {
            throw Missing(folder, CheckpointFiles.ConfigName);
        }
        return files.Exists(CheckpointFiles.WeightsName) ? files : throw NoWeights(folder);
    }

    /// <summary>Says why a folder's weights are not read and how to make them readable.</summary>
    private static Exception NoWeights(string folder)
    {
        var save = "with Python once: from transformers import AutoModel; "
            + $"AutoModel.from_pretrained(r'{folder}').save_pretrained(r'{folder}', safe_serialization=True";
        if (FirstFile(folder, PartPatterns) is { } part)
        {
            return new NotSupportedException(
                $"The weights in '{folder}' are split into several files ('{part}' is one). Join them {save}, "
                + "max_shard_size='100GB').");
        }
        if (FirstFile(folder, PicklePatterns) is { } pickle)
        {
            return new NotSupportedException(
                $"The weights in '{folder}' are in '{pickle}', a Python pickle. Reading a pickle can run any code that its "
                + $"author put there, so only {CheckpointFiles.WeightsName} is read. Convert it, if you trust it, {save}).");
        }
        return Missing(folder, CheckpointFiles.WeightsName);
    }

    private static string? FirstFile(string folder, string[] patterns) => patterns
        .SelectMany(pattern => Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal))
        .Select(Path.GetFileName).FirstOrDefault();

    private static FileNotFoundException Missing(string folder, string file) => new(
        $"There is no {file} in '{folder}'. Download all files of the model into one folder.", file);
}
