using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to classify texts or pairs of texts.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.TextClassification`.
///
/// | column | type |
/// |---|---|
/// | label, input | key (`UInt32`), as `MapValueToKey` makes it; rows without one are skipped |
/// | sentence 1 and, for pairs, sentence 2, input | text; may be empty |
/// | predicted label, output | key with the key values of the label |
/// | score, output | vector of `Single`: the probability of each class, in the order of the keys, summing to 1 |
///
/// The number of classes is that of the label's keys, whether or not each occurs in the training rows. Neither normalization nor
/// caching is needed: every row is tokenized once. `Fit` may be called any number of times; with a seed in the `MLContext`, equal
/// data give equal models on a CPU. `mlContext.GpuDeviceId`, `FallbackToCpu` and the seed are read when `Fit` is called.
/// Progress goes to `mlContext.Log`, once per epoch, and to `Options.MetricsCallback`.
/// ]]></format>
/// </remarks>
public sealed partial class TextClassificationTrainer : ITrainerEstimator<TextClassificationTransformer, TextClassificationModel>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly TextColumns _columns;

    internal TextClassificationTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _environment = environment;
        _host = environment.Register(nameof(TextClassificationTrainer));
        _options = options.Clone();
        _options.Validate();
        _columns = new TextColumns(
            new TargetColumns(options.LabelColumnName, options.ScoreColumnName, options.PredictionColumnName),
            options.Sentence1ColumnName, options.Sentence2ColumnName);
        _columns.Target.CheckNames(_columns.Sentences);
    }

    /// <inheritdoc/>
    public TrainerInfo Info { get; } = new(normalization: false, caching: false);

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return _columns.Target.WithClasses(inputSchema, CheckColumns(inputSchema));
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The training rows; not changed.</param>
    /// <returns>The transformer that adds the predictions; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There is no usable row, the label has fewer than two classes, the device or libtorch is not there, or the loss was not finite in the first epoch.
    /// </exception>
    /// <exception cref="IOException">A file of the pretrained model is missing or damaged.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TextClassificationTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckColumns(SchemaShape.Create(input.Schema));
        if (_options.ValidationSet is { } validation)
        {
            CheckColumns(SchemaShape.Create(validation.Schema));
        }

        using var channel = _host.Start("TrainModel");
        var labels = _columns.Target.ReadClasses(input.Schema, _options.ValidationSet?.Schema);
        using var run = new TextTrainingRun(_environment, _host, channel, _options, _columns);
        var scorer = run.Train(input, new ClassificationTask(labels, _options.TextToText));
        return new TextClassificationTransformer(_host, new TextClassificationModel(scorer), _columns);
    }

    private SchemaShape.Column CheckColumns(SchemaShape schema)
    {
        var label = _columns.Target.CheckKey(_host, schema);
        _columns.CheckSentences(_host, schema);
        return label;
    }
}
