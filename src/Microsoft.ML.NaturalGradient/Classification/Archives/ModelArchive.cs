using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>The part of a saved ML.NET model that holds a fine-tuned network, whatever its rows are.</summary>
/// <remarks>
/// Beside ML.NET's own description the zip holds ordinary files: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c> (adapter and
/// head), the small files of the base (its configuration, and its tokenizer or image processor) and, unless the base is only named, its
/// <c>model.safetensors</c>. From version 2 on, the description ends with the SHA-256 of each; from version 3 on, that of a classifier of texts has how its outputs become predictions.
/// </remarks>
internal static class ModelArchive
{
    private const string Description = "the saved model";
    private const int MostFiles = 100;
    private const uint CurrentVersion = 0x00010003;
    private const uint ThirdVersion = 0x00010003; // with temperature and threshold of classes
    private const uint FirstVersion = 0x00010001; // without hashes

    /// <summary>Starts a saved model.</summary>
    /// <param name="context">The archive.</param>
    /// <param name="version">Kind and version.</param>
    /// <param name="columns">The columns, the first thing that is written.</param>
    public static void BeginSave(ModelSaveContext context, VersionInfo version, TargetColumns columns)
    {
        context.CheckAtModel();
        context.SetVersionInfo(version);
        context.SaveNonEmptyString(columns.Label);
        context.SaveNonEmptyString(columns.Score);
        context.SaveStringOrNull(columns.PredictedLabel);
    }

    /// <summary>Reads what <see cref="BeginSave"/> wrote.</summary>
    /// <param name="context">The archive.</param>
    /// <param name="version">Kind and version.</param>
    /// <param name="labels">What labels are.</param>
    /// <returns>The columns.</returns>
    public static TargetColumns BeginLoad(ModelLoadContext context, VersionInfo version, LabelKind labels)
    {
        _ = ModelEntries.Open(context); // before anything is believed
        context.CheckAtModel(version);
        return new TargetColumns(context.LoadNonEmptyString(), context.LoadNonEmptyString(), context.LoadStringOrNull(), labels);
    }

    /// <summary>The version that is written and read.</summary>
    /// <param name="signature">Eight letters at the start of the model stream.</param>
    /// <param name="loaderSignature">Name under which ML.NET finds the transformer.</param>
    public static VersionInfo Version(string signature, string loaderSignature) => new(
        modelSignature: signature, verWrittenCur: CurrentVersion, verReadableCur: CurrentVersion, verWeCanReadBack: FirstVersion,
        loaderSignature: loaderSignature, loaderAssemblyName: typeof(ModelArchive).Assembly.FullName);

    /// <summary>Whether a model was saved before the third version.</summary>
    public static bool IsBeforeThird(ModelLoadContext context) => context.Header.ModelVerWritten < ThirdVersion;

    /// <summary>Writes which model it started from.</summary>
    public static void SaveBase(ModelSaveContext context, ModelBase source)
    {
        context.SaveNonEmptyString(source.Name);
        context.SaveStringOrNull(source.Fingerprint);
    }

    /// <summary>Reads what <see cref="SaveBase"/> wrote.</summary>
    /// <returns>Name of the base, and SHA-256 of its weights when they are not in the archive.</returns>
    public static (string Name, string? Fingerprint) LoadBase(ModelLoadContext context) =>
        (context.LoadNonEmptyString(), context.LoadStringOrNull());

    /// <summary>Writes the files.</summary>
    public static void SaveFiles(ModelSaveContext context, TrainedNetwork model)
    {
        var files = model.Base.Files.Where(_ => model.Base.Fingerprint is null).Append(
            new(AdapterConfig.FileName, AdapterConfig.Write(model.Adapter, model.Network, model.Base.Location))).ToArray();
        var hashes = new List<string>();
        context.Writer.Write(files.Length);
        foreach (var (name, content) in files)
        {
            context.SaveNonEmptyString(name);
            SaveFile(context, hashes, name, stream => stream.Write(content));
        }

        SaveWeights(
            context, hashes, AdapterConfig.WeightsName, AdapterWeights.Entries(model.Network, model.Adapter), AdapterWeights.Metadata(model.ReadsMean));
        if (model.Base.Fingerprint is null)
        {
            SaveWeights(context, hashes, CheckpointFiles.WeightsName, model.UntrainedWeights);
        }

        hashes.ForEach(context.SaveNonEmptyString);
    }

    /// <summary>Reads what <see cref="SaveFiles"/> wrote, and finds the base where it is only named.</summary>
    /// <param name="environment">The environment that loads.</param>
    /// <param name="context">The archive.</param>
    /// <param name="source">What <see cref="LoadBase"/> gave.</param>
    /// <returns>The files; the caller disposes them.</returns>
    /// <exception cref="InvalidDataException">A file in the saved model is damaged; the message names it.</exception>
    /// <exception cref="InvalidOperationException">The base model is only named and is not known here.</exception>
    public static SavedFiles LoadFiles(IHostEnvironment environment, ModelLoadContext context, (string Name, string? Fingerprint) source)
    {
        var host = environment.Register(nameof(ModelArchive));
        var count = (int)SavedNumber.Check("number of files", context.Reader.ReadInt32(), 0, MostFiles);
        string[] names =
        [
            .. Enumerable.Range(0, count).Select(_ => context.LoadNonEmptyString()), AdapterConfig.WeightsName,
            .. source.Fingerprint is null ? [CheckpointFiles.WeightsName] : Array.Empty<string>(),
        ];
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
        {
            throw new InvalidDataException($"The saved model is damaged: it names the file '{twice}' twice. Copy the file again, or save the model again.");
        }

        var hasHashes = context.Header.ModelVerWritten > FirstVersion;
        var hashes = names.Select(_ => hasHashes ? context.LoadNonEmptyString() : null).ToArray();
        var entries = ModelEntries.Open(context);
        var contents = names.Zip(hashes).ToDictionary(file => file.First, file => entries.Read(context, file.First, file.Second));
        using var channel = host.Start("LoadModel");
        var device = ComputeDevice.Choose(environment, message => channel.Warning(message));
        var trained = SafetensorsFile.FromMemory(contents[AdapterConfig.WeightsName], $"'{AdapterConfig.WeightsName}' of {Description}");
        try
        {
            var own = new MemoryCheckpointFiles(contents, Description);
            var files = source.Fingerprint is null
                ? own
                : OpenBase(KnownBases.Find(environment, source.Name, source.Fingerprint, line => channel.Info(line)), trained);
            return new SavedFiles(source.Name, source.Fingerprint, own, files, trained, device);
        }
        catch
        {
            trained.Dispose();
            throw;
        }
    }

    private static CheckpointFiles OpenBase(CheckpointFiles files, SafetensorsFile trained) => AdapterWeights.IsSilent(trained)
        ? files
        : AdapterWeights.ReadsMean(trained)
            ? ClassifierConfig.OpenAsEncoder(files)
            : ClassifierConfig.OpenAsClassifier(files, AdapterWeights.IsWithTeacher(trained));

    private static void SaveFile(ModelSaveContext context, List<string> hashes, string name, Action<Stream> write) =>
        context.SaveBinaryStream(name, writer => hashes.Add(ContentHash.Of(write, writer.BaseStream)));

    private static void SaveWeights(
        ModelSaveContext context, List<string> hashes, string name, IEnumerable<SafetensorsEntry> entries, IReadOnlyDictionary<string, string>? metadata = null)
    {
        using var noGrad = no_grad();
        SaveFile(context, hashes, name, stream => SafetensorsWriter.Write(stream, entries, metadata));
    }
}
