using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that all trainers share; copied when a trainer is created.</summary>
/// <remarks>The attribute of a setting gives its range. A trainer is not created with a value outside; the message names the setting and says what to do.</remarks>
public abstract class FineTuningOptions
{
    private const int UsualEpochs = 10;
    private const int UsualFewShotSteps = 4; // more learn the rows by heart: docs/choosing-an-optimizer.md, "Few rows"

    private int? _epochCount;

    private protected FineTuningOptions(PretrainedModel model)
    {
        Model = model;
    }

    /// <summary>Column with what is to be predicted: a class, that is a key as <c>MapValueToKey</c> makes it, or a number. The default is "Label".</summary>
    [Required]
    public string LabelColumnName { get; set; } = "Label";

    /// <summary>
    /// Column of type <see cref="float"/> that says how often a row counts in training and validation, at least 0; null (the default) where each counts once. A row of weight 2 is the same
    /// as the row twice, for every optimizer; 0 leaves a row out.
    /// </summary>
    public string? ExampleWeightColumnName { get; set; }

    /// <summary>Output column with the prediction: the probability of each class, or a number. The default is "Score".</summary>
    [Required]
    public string ScoreColumnName { get; set; } = "Score";

    /// <summary>Rows of a training step, at least 1. The default is 32.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "Use at least 1 row, for example 32.")]
    public int BatchSize { get; set; } = 32;

    /// <summary>
    /// Most rows that are in memory at a time with what their gradients need, at least 1; null (the default) for the whole batch, or 64 where <see cref="FewShot"/> has more than 128. The step is that of the whole batch
    /// up to rounding. One more forward pass a step; where the per-sample gradients of a batch take more than 1 GiB, as with
    /// all weights trained, methods that need them compute each part again for each other part.
    /// </summary>
    [Range(1, int.MaxValue, ErrorMessage = "Use at least 1 row, for example 8, or null for whole batches.")]
    public int? MicroBatchSize { get; set; }

    /// <summary>
    /// Rows to watch the training on, with the columns of the training rows; null (the default) for those that <see cref="ValidationSetFraction"/> sets aside.
    /// </summary>
    public IDataView? ValidationSet { get; set; }

    /// <summary>
    /// Fraction of the training rows set aside to watch the training on, from 0 (none) to less than 1. The default is 0 for texts, where it cannot be set together
    /// with <see cref="ValidationSet"/>, and 0.1 for pictures, where it is not used then.
    /// </summary>
    [Range(0d, 1d, MaximumIsExclusive = true, ErrorMessage = "Use 0 for no validation rows, or a fraction less than 1, for example 0.1.")]
    public double ValidationSetFraction { get; set; }

    /// <summary>The optimizer. The default is <see cref="Optimizers.Ief"/>.</summary>
    [Required]
    public OptimizerOptions Optimizer { get; set; } = Optimizers.Ief;

    /// <summary>
    /// The pretrained model to start from. The default is the first 8 layers of <see cref="PretrainedModel.BgeSmall"/> for texts, from 20 classes on all 12 of them, and <see cref="PretrainedModel.ViTSmall"/> for pictures.
    /// </summary>
    [Required]
    public PretrainedModel Model { get; set; }

    /// <summary>What is trained besides the head. The default is <see cref="Adapters.LoRA"/>.</summary>
    [Required]
    public AdapterOptions Adapter { get; set; } = Adapters.LoRA;

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
    [Required]
    public CheckpointInterval CheckpointEvery { get; set; } = new();

    /// <summary>
    /// Whether a run goes on from the state in <see cref="CheckpointFolder"/>, where there is one. It ends at the weights of a run that was not interrupted, to the
    /// last bit with as many threads on a processor of the same kind, unless <see cref="TimeBudget"/> shortens it. A state of other settings, data or pretrained weights is an error that names what differs; that of a run that had ended gives its
    /// model again. The default is true; false begins anew.
    /// </summary>
    public bool Resume { get; set; } = true;

    /// <summary>
    /// The processes that train this model together, such as <c>Mpi.World</c> of the package NaturalGradient.MLNet.Mpi; null (the default) for this one alone. Each evaluates a part of every
    /// batch, and all end with the weights that one process would have trained, up to the rounding of sums. They read the same rows, in the same order, unless <see cref="ReadOwnRows"/> is
    /// true, and have the same settings, which is checked before the first step. The first process writes the log and the states in <see cref="CheckpointFolder"/>; an interrupted run may go on with another number of processes.
    /// </summary>
    /// <remarks>
    /// All processes call <c>Fit</c>, and get the model. One that cannot begin is an <see cref="InvalidOperationException"/> in all others that names it; one that fails later ends all of
    /// them (<see cref="ICollective.Abort"/>), since they would wait for it. <see cref="MetricsCallback"/> is called in all; cancelling one in an epoch cancels all.
    /// </remarks>
    public ICollective? Collective { get; set; }

    /// <summary>
    /// Whether each process of <see cref="Collective"/> reads rows of its own, such as a part of the files, in place of all of them. The default is false. They are put together before the first
    /// step, as tokens or as pixels, and trained on as one process would train on the rows of the first process, followed by those of the second and so on; so are those of <see cref="ValidationSet"/>.
    /// A process may have none. The classes have to be the same keys in all processes, as the argument <c>keyData</c> of <c>MapValueToKey</c> makes them.
    /// </summary>
    public bool ReadOwnRows { get; set; }

    /// <summary>Called after every step and every epoch, on the thread that trains; null (the default) for nobody.</summary>
    public Action<TrainingProgress>? MetricsCallback { get; set; }

    /// <summary>
    /// Measures while training how close update directions are to the exact natural gradient; null (the default) for nothing. Results come with
    /// <see cref="MetricsCallback"/>.
    /// </summary>
    public QualityProbe? QualityProbe { get; set; }

    /// <summary>
    /// Trains as suits few rows of a class, such as 8: each epoch is one step of all rows at once, whatever <see cref="BatchSize"/> is, that changes the encoder through
    /// <see cref="Adapter"/> so that vectors of one class come together and those of others apart; then the head is solved on these vectors, as <see cref="HeadOnlyOptions.Solve"/> does, with the penalty
    /// that is best on the validation rows or, without any, was best before the encoder knew the rows. Most is learned with <see cref="Adapters.Full"/>. It was better than a solved head alone on texts of two classes, and worse on pictures of ten. Numbers have no classes: for them the head is solved first and held, and the steps lower the
    /// loss. The default is false. It needs a network with one linear layer as its head, an adapter of the encoder other than a prompt, pictures that are not changed at random, no <see cref="QualityProbe"/>, and
    /// where rows have one class an optimizer that draws no labels: not <see cref="Optimizers.Sf"/>, and <see cref="Optimizers.Kfac"/> only with <see cref="KfacOptions.ExactLabels"/>. Trainers of tags, answers and several labels refuse it. Classes are
    /// validated once, at the end, so that early stopping does nothing.
    /// </summary>
    public bool FewShot { get; set; }

    /// <summary>Of which numbers the training makes its products with frozen weights. The default is <see cref="Precision.Float32"/>.</summary>
    [EnumDataType(typeof(Precision), ErrorMessage = "Use Float32, BFloat16 or Auto.")]
    public Precision Precision { get; set; }

    /// <summary>
    /// How the output of layers below everything trained is kept, so that they are computed once for a row and not in every epoch; null computes them in every step. The default keeps it as it
    /// is. The trained weights are the same but for rounding. Pictures that are changed at random are computed in every epoch all the same.
    /// </summary>
    public FrozenLayerCache? FrozenLayerCache { get; set; } = new();

    /// <summary>
    /// Time after which the training ends, longer than zero; null (the default) for no limit. It counts from the start of <c>Fit</c>: reading the model and the rows, what
    /// <see cref="FrozenLayerCache"/> keeps, then all steps and validations. The number of epochs stays a limit too: for as many as there is time for, set it far higher.
    /// The learning rate is as far in its <see cref="OptimizerOptions.Schedule"/> as the steps or the time for them, whichever is further, so that it has fallen to its
    /// end when the time is up.
    /// </summary>
    /// <remarks>
    /// An epoch that the time cuts off is the last one: it is validated and reported like others, and early stopping compares it with them. Time for its validation is kept
    /// free: as long as the one before took, or an estimate by the time of the steps. At least one step is made, and a head that is solved
    /// (<see cref="HeadOnlyOptions.Solve"/>) is solved to the end. Where steps and validations take longer than those before, the training is late by one of each at most.
    /// A run that goes on from a state in <see cref="CheckpointFolder"/> has the time that its steps and validations left, less what reading takes now. How many
    /// steps there is time for depends on the machine: unless the time is far longer than the training, so do the weights.
    /// </remarks>
    public TimeSpan? TimeBudget { get; set; }

    /// <summary>Stops the training with an <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken CancellationToken { get; set; }

    /// <summary>
    /// Whether a saved model holds the pretrained weights. The default is true: it then needs nothing else. When false it holds
    /// only what was trained and finds the pretrained model again when it is loaded; see <see cref="NaturalGradientCatalog.UsePretrainedModel"/>.
    /// </summary>
    public bool SaveBaseModel { get; set; } = true;

    /// <summary>What tells the time.</summary>
    internal TimeProvider Clock { get; set; } = TimeProvider.System;

    /// <summary>Passes over the training rows; public under the name that ML.NET's own trainer for such rows has.</summary>
    internal int EpochCount
    {
        get => _epochCount ?? (FewShot && LabelKind == LabelKind.Class ? UsualFewShotSteps : UsualEpochs);
        private protected set => _epochCount = value;
    }

    /// <summary>That name.</summary>
    internal abstract string EpochCountName { get; }

    /// <summary>When to stop before the last epoch, null for never; public as <see cref="EpochCount"/> is.</summary>
    internal EarlyStopping? Stopping { get; private protected set; }

    /// <summary>How often the rows of each class count, null for once; public where rows have one class.</summary>
    internal ClassWeights? WeightsOfClasses { get; private protected set; }

    /// <summary>The columns that are read and written.</summary>
    internal abstract RowColumns Columns { get; }

    /// <summary>The label and the columns that are added.</summary>
    private protected TargetColumns Target => new(LabelColumnName, ScoreColumnName, PredictedLabel, LabelKind) { Weight = ExampleWeightColumnName, Spans = Spans };

    /// <summary>Output column with the most probable class; null where numbers are predicted.</summary>
    private protected virtual string? PredictedLabel => null;

    /// <summary>What the names of the columns with entities begin with; null for no such columns.</summary>
    private protected virtual string? Spans => null;

    /// <summary>What labels are.</summary>
    private protected abstract LabelKind LabelKind { get; }

    /// <summary>Why rows are skipped as rows without a label, and what to do; the end of a sentence about all of them.</summary>
    internal virtual string WhyUnlabelled => $"have a missing label. Check the column '{LabelColumnName}'.";

    /// <summary>Copies the settings, so that later changes have no effect on the trainer.</summary>
    internal FineTuningOptions Copy() => (FineTuningOptions)MemberwiseClone();

    /// <summary>Throws when a setting is out of range or two of them contradict each other.</summary>
    /// <exception cref="ArgumentException">One is; the message names it.</exception>
    internal virtual void Validate()
    {
        foreach (var property in GetType().GetProperties())
        {
            var (name, value) = (property.Name, property.GetValue(this));
            if (value is string text)
            {
                ArgumentException.ThrowIfNullOrWhiteSpace(text, name);
            }

            foreach (var rule in property.GetCustomAttributes<ValidationAttribute>())
            {
                if (rule is RequiredAttribute)
                {
                    ArgumentNullException.ThrowIfNull(value, name);
                }

                SettingCheck.Require(rule.IsValid(value), name, value, rule.ErrorMessage!);
            }
        }

        SettingCheck.Require(
            TimeBudget is null || TimeBudget > TimeSpan.Zero, nameof(TimeBudget), TimeBudget,
            "Use a time longer than zero, for example TimeSpan.FromMinutes(10), or null for no limit.");
        Optimizer.Validate();
        Adapter.Validate();
        CheckpointEvery.Validate();
        Stopping?.Validate();
        QualityProbe?.Validate();
        FrozenLayerCache?.Validate();
        if (FewShot && Adapter is HeadOnlyOptions)
        {
            throw new ArgumentException("FewShot trains the encoder under a solved head, and HeadOnly leaves the encoder as it is. Use Adapters.LoRA, or set FewShot to false.", nameof(FewShot));
        }

        if (FewShot && QualityProbe is not null)
        {
            throw new ArgumentException("FewShot makes a few steps of all rows with a loss of its own, for which γ is not measured. Set QualityProbe to null, or FewShot to false.", nameof(FewShot));
        }

        if (FewShot && Adapter.PromptLength > 0)
        {
            throw new ArgumentException("FewShot solves the head on what the encoder gives without a prompt. Use Adapters.LoRA, or set FewShot to false.", nameof(FewShot));
        }
    }
}
