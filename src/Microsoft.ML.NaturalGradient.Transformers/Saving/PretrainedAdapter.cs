using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A trained adapter to go on from or to score with, from <c>Checkpoints.LoadPeft</c>.</summary>
/// <remarks>
/// As the <c>adapter</c> of a trainer it makes training start from its weights; the settings are the adapter's own. A trained model does not
/// depend on the folder any more.
/// </remarks>
public sealed record PretrainedAdapter : AdapterOptions
{
    private readonly byte[] _weights;
    private readonly string _description;
    private readonly string? _task;

    private PretrainedAdapter(AdapterOptions options, byte[] weights, CheckpointFiles files)
    {
        var config = ModelConfig.Read(files, AdapterConfig.FileName);
        Options = options;
        _weights = weights;
        _description = Describe(files);
        _task = config.OptionalString(AdapterConfig.TaskField, null);
        Base = AdapterConfig.ReadBase(config);
        Notes = ClassifierNotes.Read(files);
        MaxTokens = TokenizerExport.ReadMaxTokens(files);
        Processor = files.Exists(CheckpointFiles.PreprocessorName)
            ? new MemoryCheckpointFiles(new Dictionary<string, byte[]> { [CheckpointFiles.PreprocessorName] = files.Read(CheckpointFiles.PreprocessorName) }, files.Description)
            : null;
    }

    /// <summary>The adapter's settings, a <see cref="LoraOptions"/> or <see cref="PromptTuningOptions"/>.</summary>
    public AdapterOptions Options { get; private init; }

    /// <summary>Whether the adapter's own classification head is taken over, if it has one.</summary>
    /// <value>
    /// True (the default) needs the same number of classes; its outputs are the classes in the order of the label's keys. False starts with a
    /// new head.
    /// </value>
    public bool KeepHead { get; init; } = true;

    /// <summary>Names of the classes in the order of the outputs, which this library saves beside an adapter; null where the folder has none.</summary>
    public IReadOnlyList<string>? ClassNames => Notes.ClassNames;

    /// <summary>Names of the classes of the head that is taken over.</summary>
    internal IReadOnlyList<string>? HeadClassNames => KeepHead ? ClassNames : null;

    /// <summary>What this library saves about the classifier beside PEFT's files.</summary>
    internal ClassifierNotes Notes { get; }

    /// <summary>Most tokens of a text, as the tokenizer's files beside the adapter say; null where there are none.</summary>
    internal int? MaxTokens { get; }

    /// <summary>The image processor's file beside the adapter; null where there is none.</summary>
    internal CheckpointFiles? Processor { get; }

    /// <summary>The SHA-256 of the weights, and whether the head is one of them: where a training starts from.</summary>
    internal string Identity => $"{ContentHash.Of(_weights)}, {(KeepHead ? "its head kept" : "a new head")}";

    internal override string Description => $"{Options.Description} from {_description}";

    internal override AdapterOptions Settings => Options;

    internal override bool IsPeft => Options.IsPeft;

    internal override BaseLocation? Base { get; }

    internal override int PromptLength => Options.PromptLength;

    internal override string FilePrefix => Options.FilePrefix;

    /// <summary>Reads an adapter's files.</summary>
    /// <param name="files">The files; not kept.</param>
    /// <returns>The adapter.</returns>
    internal static PretrainedAdapter Read(CheckpointFiles files)
    {
        var options = AdapterConfig.Read(files);
        var content = files.Read(AdapterConfig.WeightsName);
        using (SafetensorsFile.FromMemory(content, Describe(files)))
        {
            // Opened so that a damaged file is reported here and not when training starts.
        }

        return new PretrainedAdapter(options, content, files);
    }

    internal override void Validate() => Options.Validate();

    internal override CheckpointFiles Open(CheckpointFiles files)
    {
        using var weights = OpenWeights();
        return AdapterWeights.ReadsMean(weights) ? ClassifierConfig.OpenAsEncoder(files)
            : IsForClassifier(weights) ? ClassifierConfig.OpenAsClassifier(files, AdapterWeights.IsWithTeacher(weights, FilePrefix))
            : files;
    }

    internal override AdapterOptions For(ITextTokenizer tokenizer) => this with { Options = Options.For(tokenizer) };

    internal override void Attach(PretrainedNetwork encoder, Generator generator)
    {
        string?[] possible = encoder.Architecture.Kind == ArchitectureKind.TextEncoder
            ? [encoder.Architecture.PeftTask, PeftNames.TokenTask, PeftNames.SpanTask]
            : [encoder.Architecture.PeftTask];
        CheckTask(possible);
        if (Notes.LayerCount is { } layers && layers != encoder.LayerCount)
        {
            throw new InvalidDataException(
                $"The adapter of {_description} was trained on a base of {layers} layers, and this one has {encoder.LayerCount}. Give the base that it was trained on; "
                + $"PretrainedModel.X with {{ Layers = {layers} }} cuts one of more layers.");
        }

        try
        {
            if (Options is LoraOptions lora)
            {
                using var weights = OpenWeights();
                AdapterWeights.CheckRanks(encoder, lora, weights);
            }

            Options.Attach(encoder, generator);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException(
                $"The adapter of {_description} does not fit the base model, whose architecture is '{encoder.Architecture.ModelType}': {e.Message}", e);
        }
    }

    internal override bool Restore(AdaptedNetwork classifier)
    {
        CheckTask([classifier.PeftTask]);
        using var weights = OpenWeights();
        try
        {
            var hasHead = KeepHead && AdapterWeights.HasHead(classifier, Options, weights);
            AdapterWeights.Load(classifier, Options, weights, hasHead);
            return hasHead;
        }
        catch (InvalidDataException e) when (KeepHead && AdapterWeights.HasHead(classifier, Options, weights))
        {
            throw new InvalidDataException(
                $"{e.Message} If only the number of classes differs, load it with {{ {nameof(KeepHead)} = false }} for a new head.", e);
        }
    }

    internal override JsonObject ToConfig(PretrainedNetwork encoder) => Options.ToConfig(encoder);

    /// <summary>Opens the weights, which stay in memory.</summary>
    internal SafetensorsFile OpenWeights() => SafetensorsFile.FromMemory(_weights, _description);

    private void CheckTask(string?[] possible)
    {
        if (_task is not (null or "FEATURE_EXTRACTION") && !possible.Contains(_task))
        {
            throw new NotSupportedException(
                $"The adapter of {_description} has {AdapterConfig.TaskField} '{_task}', which this model cannot be used for. "
                + $"Supported are {string.Join(", ", possible.OfType<string>().DefaultIfEmpty("none (null)"))} and FEATURE_EXTRACTION.");
        }
    }

    private static string Describe(CheckpointFiles files) => $"'{AdapterConfig.WeightsName}' of {files.Description}";

    // An adapter that names no task but has a head was trained on the architecture's own classifier too.
    private bool IsForClassifier(SafetensorsFile weights) => _task == PeftNames.ClassificationTask
        || (_task is null && AdapterWeights.IsWithTeacher(weights, FilePrefix) is not null);
}
