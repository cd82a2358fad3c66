using System.Reflection;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.Hub;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

namespace Microsoft.ML;

/// <summary>A pretrained model to start training from: one that comes in a package, one in a folder, or one of a hub.</summary>
/// <remarks>Only names the model; its files are looked for when training starts.</remarks>
public sealed record PretrainedModel
{
    private const string PartPattern = "model-*-of-*.safetensors";

    private readonly string _name;
    private readonly Func<Action<string>, CancellationToken, CheckpointFiles> _open;
    private readonly BaseLocation? _location;

    private PretrainedModel(string name, Func<Action<string>, CancellationToken, CheckpointFiles> open, BaseLocation? location)
    {
        _name = name;
        _open = open;
        _location = location;
    }

    /// <summary>
    /// The English text encoder bge-small-en-v1.5 (12 layers, 384 wide, 33.2 million parameters), from the package
    /// NaturalGradient.MLNet.BgeSmall; needs no network.
    /// </summary>
    /// <remarks>Twice the layers of <see cref="MiniLM"/>, each of the same size, and so about twice the work for a row; with <see cref="Layers"/> = 6 the same.</remarks>
    public static PretrainedModel BgeSmall { get; } =
        FromPackage("BgeSmall", "Microsoft.ML.NaturalGradient.BgeSmall", "BAAI/bge-small-en-v1.5") with { EmbedsByClassToken = true };

    /// <summary>
    /// What texts are trained from where nothing is named: 8 layers of <see cref="BgeSmall"/>, as good as all 12 for two thirds of the time; but all of them for
    /// many classes, which the last layers tell apart.
    /// </summary>
    internal static PretrainedModel DefaultForTexts { get; } = BgeSmall with { Layers = 8, WholeFrom = 20 };

    /// <summary>
    /// The English text encoder all-MiniLM-L6-v2 (6 layers, 384 wide, 22.7 million parameters), from the package
    /// NaturalGradient.MLNet.MiniLM; needs no network.
    /// </summary>
    public static PretrainedModel MiniLM { get; } = FromPackage(
        "MiniLM", "Microsoft.ML.NaturalGradient.MiniLM", "sentence-transformers/all-MiniLM-L6-v2");

    /// <summary>
    /// A small vision transformer (12 layers, 384 wide, patches of 14 pixels, 22.1 million parameters), from the package
    /// NaturalGradient.MLNet.ViTSmall; needs no network.
    /// </summary>
    /// <remarks>
    /// It was trained to find what a picture is about and tells classes apart less well than a general encoder. For better results take one
    /// from a hub, for example <c>FromHub("facebook/dinov2-small")</c> or <c>FromHub("google/vit-base-patch16-224")</c>, or from a folder.
    /// </remarks>
    public static PretrainedModel ViTSmall { get; } = FromPackage("ViTSmall", "Microsoft.ML.NaturalGradient.ViTSmall");

    /// <summary>Number of layers to use, from the first one on; only these are loaded, trained, saved and scored. Null, the default, for all.</summary>
    /// <remarks>
    /// The cost of a row is about proportional to it. For encoders of texts and pictures; a network that answers with text has none. What is saved is a model
    /// with so many layers: Python reads what SavePretrained writes, while an adapter that SavePeft writes fits a base that was cut in the same way only.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than one.</exception>
    public int? Layers
    {
        get;
        init
        {
            if (value is { } count)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(Layers));
            }

            (field, WholeFrom) = (value, null);
        }
    }

    /// <summary>From how many classes on all layers are used, whatever <see cref="Layers"/> says; null for never. Naming layers sets it to null.</summary>
    internal int? WholeFrom { get; init; }

    /// <summary>Whether it is known that the vector of the first token was trained to stand for a text; other models may say so in their files.</summary>
    internal bool EmbedsByClassToken { get; init; }

    /// <summary>Where Python finds the model too; null where there is no such place.</summary>
    internal BaseLocation? Location => LocationAs(null);

    /// <summary>Where Python finds the model too, by the name that an adapter has for it.</summary>
    /// <param name="named">What the adapter says; null where it says nothing.</param>
    /// <returns>The place, with the number of <see cref="Layers"/>; null where there is no such place.</returns>
    internal BaseLocation? LocationAs(BaseLocation? named) => (named ?? _location) is { } place ? place with { Layers = Layers } : null;

    /// <summary>The model that a training for so many classes starts from.</summary>
    /// <param name="classes">How many classes.</param>
    /// <returns>This model, with all its layers where there are many classes and the user named none.</returns>
    internal PretrainedModel For(int classes) => WholeFrom is { } many && classes >= many ? this with { Layers = null } : this;

    /// <summary>A model in a folder, laid out as Hugging Face does: at least config.json and the weights.</summary>
    /// <remarks>The weights are model.safetensors, or model.safetensors.index.json and the files that it names.</remarks>
    /// <param name="path">Path of the folder.</param>
    /// <returns>The model; the folder is not looked at before training starts.</returns>
    /// <exception cref="ArgumentException"><paramref name="path"/> is null or empty.</exception>
    public static PretrainedModel FromFolder(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var folder = Path.GetFullPath(path);
        return new PretrainedModel($"the model in '{folder}'", (_, _) => OpenFolder(folder), new BaseLocation(folder));
    }

    /// <summary>A model of the Hugging Face hub, or of another with the same interface.</summary>
    /// <remarks>
    /// Files are kept in the cache of Python's huggingface_hub, so that each finds what the other has downloaded. What is there is used
    /// without network; to get a newer state of a branch, give its commit. Only safetensors, configuration, tokenizer and preprocessor
    /// files are downloaded, and only ones with the announced hash are used. These environment variables have the meaning that they have in
    /// Python: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME (place of the cache), HF_TOKEN, HF_TOKEN_PATH (for private and gated models),
    /// HF_ENDPOINT, HF_HUB_OFFLINE, HTTPS_PROXY.
    /// </remarks>
    /// <param name="model">Name of the model, for example <c>sentence-transformers/all-MiniLM-L6-v2</c>.</param>
    /// <param name="revision">Branch, tag or commit (40 hexadecimal digits); a commit makes runs repeatable on every machine.</param>
    /// <returns>The model; nothing is downloaded before training starts.</returns>
    /// <exception cref="ArgumentException"><paramref name="model"/> or <paramref name="revision"/> is not what a hub can have.</exception>
    public static PretrainedModel FromHub(string model, string revision = HubName.MainRevision) =>
        FromHub(model, revision, () => HubSettings.FromEnvironment(Environment.GetEnvironmentVariable));

    /// <summary>A model that ML.NET's own trainers of Microsoft.ML.TorchSharp start from, so that it can be trained by natural gradients too.</summary>
    /// <remarks>
    /// Nothing is downloaded. Without a path the weights are looked for where ML.NET's trainers leave them: in the folder <c>mlnet</c> of the folder that the
    /// environment variable MICROSOFTML_RESOURCE_PATH names, in that folder itself, in <c>mlnet</c> of the folder for temporary files (what
    /// MLContext.TempFilePath is unless it was set), and in <c>mlnet-resources/mlnet</c> of the user's local application data. The tokenizer needs the files
    /// encoder.json, vocab.bpe and dict.txt, which are read beside the weights or from the assembly Microsoft.ML.TorchSharp, if the application has its package.
    /// A model that is saved has them; what loads it needs neither. Texts become the token ids that ML.NET's trainers feed; a head on NAS-BERT reads the
    /// vector of the first token, as theirs does. Such a model is saved with <c>mlContext.Model.Save</c> only: Python has no class for its tokenizer.
    /// </remarks>
    /// <param name="model">Which of them.</param>
    /// <param name="path">Path of the weights (NasBert2000000.tsm, pretrained_Roberta_encoder.tsm), or of the folder they are in; null to look for them.</param>
    /// <returns>The model; its files are not looked for before training starts.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="model"/> is none of them.</exception>
    /// <exception cref="ArgumentException"><paramref name="path"/> is empty.</exception>
    public static PretrainedModel FromMLNet(MLNetModel model, string? path = null)
    {
        if (!Enum.IsDefined(model))
        {
            throw new ArgumentOutOfRangeException(nameof(model), model, $"There is no such model. Use one of {string.Join(", ", Enum.GetNames<MLNetModel>())}.");
        }

        if (path is not null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(path);
            path = Path.GetFullPath(path);
        }

        return new PretrainedModel($"ML.NET's {model}{(path is null ? "" : $" in '{path}'")}", (_, _) => MLNetCheckpointFiles.Open(model, path), null);
    }

    /// <inheritdoc/>
    public override string ToString() => Layers is { } count ? FormattableString.Invariant($"the first {count} layers of {_name}") : _name;

    /// <summary>A model embedded in an assembly, which comes in a package of its own.</summary>
    internal static PretrainedModel FromPackage(string name, string assembly, string? location = null) =>
        new(name, (_, _) => OpenPackage(name, assembly), location is null ? null : new BaseLocation(location));

    /// <summary>A model of a hub, with settings that are asked for when it is opened.</summary>
    internal static PretrainedModel FromHub(string model, string revision, Func<HubSettings> settings)
    {
        var name = HubName.Parse(model, revision);
        return new PretrainedModel(
            name.ToString(), (report, cancellation) => OpenFolder(new HubModel(name, settings(), report).Fetch(cancellation)),
            new BaseLocation(model, revision == HubName.MainRevision ? null : revision));
    }

    /// <summary>Looks for the files, and downloads them if they are those of a hub.</summary>
    /// <param name="report">Takes lines about a download, on any thread; null if nobody reads them.</param>
    /// <param name="cancellation">Ends a download; what has arrived is kept for the next time.</param>
    /// <returns>The files, config.json and the weights among them; the caller disposes them.</returns>
    /// <exception cref="IOException">A file, the folder, or the hub is not there.</exception>
    /// <exception cref="InvalidDataException">A hub sends something other than it announces.</exception>
    /// <exception cref="NotSupportedException">The weights are there, but in a form that is not read.</exception>
    /// <exception cref="InvalidOperationException">The model's package is not there, the hub does not give access, or it has fewer than <see cref="Layers"/>.</exception>
    internal CheckpointFiles Open(Action<string>? report = null, CancellationToken cancellation = default)
    {
        var files = _open(report ?? (static _ => { }), cancellation);
        try
        {
            return Layers is { } count ? new FirstLayers(files, count) : files;
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    private static ResourceCheckpointFiles OpenPackage(string name, string assembly)
    {
        try
        {
            // With the version: the loader of a notebook refuses to give an assembly a second time to one who asks for it without.
            return new ResourceCheckpointFiles(Assembly.Load(new AssemblyName(assembly) { Version = typeof(PretrainedModel).Assembly.GetName().Version }));
        }
        catch (FileNotFoundException e)
        {
            var package = assembly.Replace("Microsoft.ML.NaturalGradient", "NaturalGradient.MLNet", StringComparison.Ordinal);
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
        FolderSave.Finish(folder);
        var files = new FolderCheckpointFiles(folder);
        if (!files.Exists(CheckpointFiles.ConfigName))
        {
            throw Missing(folder, CheckpointFiles.ConfigName);
        }
        return files.Exists(CheckpointFiles.WeightsName) || files.IsSharded ? files : throw NoWeights(folder);
    }

    /// <summary>Says why a folder's weights are not read and how to make them readable.</summary>
    private static Exception NoWeights(string folder)
    {
        if (Directory.EnumerateFiles(folder, PartPattern).Any())
        {
            return Missing(folder, SafetensorsIndex.FileName);
        }
        return PickleWeights.Find(Directory.EnumerateFiles(folder).Select(path => Path.GetFileName(path))) is { } pickle
            ? PickleWeights.Refusal($"'{folder}'", pickle, $"r'{folder}'", folder)
            : Missing(folder, CheckpointFiles.WeightsName);
    }

    private static FileNotFoundException Missing(string folder, string file) => new(
        $"There is no {file} in '{folder}'. Download all files of the model into one folder.", file);
}
