using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the trainers for texts share; copied when a trainer is created.</summary>
public abstract class TextTrainerOptions
{
    internal const int FewestTokens = 8;

    private protected TextTrainerOptions()
    {
    }

    /// <summary>Column with what is to be predicted. The default is "Label".</summary>
    public string LabelColumnName { get; set; } = "Label";

    /// <summary>Output column with the prediction: the probability of each class, or a number. The default is "Score".</summary>
    public string ScoreColumnName { get; set; } = "Score";

    /// <summary>Column with the text. The default is "Sentence1".</summary>
    public string Sentence1ColumnName { get; set; } = "Sentence1";

    /// <summary>
    /// Column with the second text of a pair; null for single texts. The default is null in text classification and "Sentence2" in
    /// sentence similarity.
    /// </summary>
    public string? Sentence2ColumnName { get; set; }

    /// <summary>Rows of a training step, at least 1. The default is 32.</summary>
    public int BatchSize { get; set; } = 32;

    /// <summary>Passes over the training rows, at least 1. The default is 10.</summary>
    public int MaxEpoch { get; set; } = 10;

    /// <summary>Rows to watch the training on, with the columns of the training rows; null (the default) for none.</summary>
    public IDataView? ValidationSet { get; set; }

    /// <summary>Fraction of the training rows set aside to watch the training on, from 0 (the default) to less than 1.</summary>
    public double ValidationSetFraction { get; set; }

    /// <summary>The optimizer. The default is <see cref="Optimizers.Ief"/>.</summary>
    public OptimizerOptions Optimizer { get; set; } = Optimizers.Ief;

    /// <summary>The pretrained model to start from. The default is <see cref="PretrainedModel.MiniLM"/>.</summary>
    public PretrainedModel Model { get; set; } = PretrainedModel.MiniLM;

    /// <summary>What is trained besides the classification head. The default is <see cref="Adapters.LoRA"/>.</summary>
    public AdapterOptions Adapter { get; set; } = Adapters.LoRA;

    /// <summary>When to stop before the last epoch; null (the default) for never. Needs validation rows.</summary>
    public EarlyStopping? EarlyStopping { get; set; }

    /// <summary>
    /// Whether a run whose training loss rises far, stays above that of a guess or stops being a number goes back to its last good weights and goes on
    /// with half the learning rate, which a warning in the log says. The default is true; false trains as the optimizer says to the end, for comparisons,
    /// and saves the memory of a copy of the trained weights and of the optimizer's state.
    /// </summary>
    public bool RecoverFromDivergence { get; set; } = true;

    /// <summary>
    /// Folder in which a run leaves its state, so that one that was interrupted can go on; null (the default) for none. It is made where it does not exist,
    /// and serves one run at a time. The state is saved at the end of every epoch, every <see cref="CheckpointEvery"/>, and when the run is cancelled.
    /// </summary>
    public string? CheckpointFolder { get; set; }

    /// <summary>How often the state is saved besides the end of every epoch. The default is every five minutes.</summary>
    public CheckpointInterval CheckpointEvery { get; set; } = new();

    /// <summary>
    /// Whether a run goes on from the state in <see cref="CheckpointFolder"/>, where there is one. It ends at the weights of a run that was not interrupted, to the
    /// last bit with as many threads on a processor of the same kind. A state of other settings, data or pretrained weights is an error that names what differs; that of a run that had ended gives its
    /// model again. The default is true; false begins anew.
    /// </summary>
    public bool Resume { get; set; } = true;

    /// <summary>Called after every step and every epoch, on the thread that trains; null (the default) for nobody.</summary>
    public Action<TrainingProgress>? MetricsCallback { get; set; }

    /// <summary>
    /// Measures while training how close update directions are to the exact natural gradient; null (the default) for nothing. Results come with
    /// <see cref="MetricsCallback"/>.
    /// </summary>
    public QualityProbe? QualityProbe { get; set; }

    /// <summary>Stops the training with an <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>
    /// Most tokens of a row, from 8 to what the network reads; longer texts lose their end. Null (the default) takes 256, or fewer where the model or
    /// its tokenizer's files say fewer; with an adapter that was saved with its tokenizer, what that says.
    /// </summary>
    public int? MaxSequenceLength { get; set; }

    /// <summary>
    /// Whether a saved model holds the pretrained weights. The default is true: it then needs nothing else. When false it holds
    /// only what was trained and finds the pretrained model again when it is loaded; see <see cref="NaturalGradientCatalog.UsePretrainedModel"/>.
    /// </summary>
    public bool SaveBaseModel { get; set; } = true;

    /// <summary>The settings that all trainers share.</summary>
    internal FineTuningSettings Shared => new()
    {
        Optimizer = Optimizer,
        Model = Model,
        Adapter = Adapter,
        BatchSize = BatchSize,
        EpochCount = MaxEpoch,
        EpochCountName = nameof(MaxEpoch),
        ValidationSetFraction = ValidationSetFraction,
        EarlyStopping = EarlyStopping,
        MetricsCallback = MetricsCallback,
        CancellationToken = CancellationToken,
        SaveBaseModel = SaveBaseModel,
        Probe = QualityProbe,
        RecoverFromDivergence = RecoverFromDivergence,
        CheckpointFolder = CheckpointFolder,
        CheckpointEvery = CheckpointEvery,
        Resume = Resume,
    };

    /// <summary>Throws when a setting is out of range or two of them contradict each other.</summary>
    internal virtual void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(LabelColumnName);
        ArgumentException.ThrowIfNullOrEmpty(ScoreColumnName);
        ArgumentException.ThrowIfNullOrEmpty(Sentence1ColumnName);
        Shared.Validate();
        FineTuningSettings.Check(
            MaxSequenceLength is null or >= FewestTokens, nameof(MaxSequenceLength), MaxSequenceLength ?? 0,
            $"Use at least {FewestTokens} tokens, or null for the default.");
        if (ValidationSet is not null && ValidationSetFraction > 0)
        {
            throw new ArgumentException("Both ValidationSet and ValidationSetFraction are set. Set one of them.", nameof(ValidationSet));
        }

        if (EarlyStopping is not null && ValidationSet is null && ValidationSetFraction == 0)
        {
            throw new ArgumentException(
                "EarlyStopping is set, but there are no validation rows to watch. Set ValidationSet or ValidationSetFraction.", nameof(EarlyStopping));
        }
    }
}
