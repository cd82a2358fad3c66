using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
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
    internal const int FewestTokens = 8;

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
        Check(_options);
        _columns = new TextColumns(
            options.LabelColumnName, options.ScoreColumnName, options.PredictionColumnName, options.Sentence1ColumnName, options.Sentence2ColumnName);
    }

    /// <inheritdoc/>
    public TrainerInfo Info { get; } = new(normalization: false, caching: false);

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var label = CheckColumns(inputSchema);
        var columns = inputSchema.ToDictionary(column => column.Name);
        var keyValues = label.Annotations.Where(annotation => annotation.Name == AnnotationUtils.Kinds.KeyValues);
        columns.Remove(_columns.PredictedLabel);
        columns.Remove(_columns.Score);
        columns[_columns.PredictedLabel] = new SchemaShape.Column(
            _columns.PredictedLabel, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, isKey: true,
            new SchemaShape(keyValues.Concat(AnnotationUtils.GetTrainerOutputAnnotation())));
        columns[_columns.Score] = new SchemaShape.Column(
            _columns.Score, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, isKey: false,
            new SchemaShape(AnnotationUtils.AnnotationsForMulticlassScoreColumn(label)));
        return new SchemaShape(columns.Values);
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
        var model = new TextClassificationRun(_environment, _host, channel, _options, _columns).Train(input);
        return new TextClassificationTransformer(_host, model, _columns);
    }

    private SchemaShape.Column CheckColumns(SchemaShape schema)
    {
        if (!schema.TryFindColumn(_columns.Label, out var label))
        {
            throw _host.ExceptSchemaMismatch(nameof(schema), "label", _columns.Label);
        }

        if (!label.IsKey || label.ItemType != NumberDataViewType.UInt32 || label.Kind != SchemaShape.Column.VectorKind.Scalar)
        {
            throw _host.ExceptSchemaMismatch(
                nameof(schema), "label", _columns.Label, "Key<UInt32>, which Transforms.Conversion.MapValueToKey makes", label.GetTypeString());
        }

        foreach (var name in _columns.Sentences)
        {
            if (!schema.TryFindColumn(name, out var text))
            {
                throw _host.ExceptSchemaMismatch(nameof(schema), "text", name);
            }

            if (text.ItemType != TextDataViewType.Instance || text.Kind != SchemaShape.Column.VectorKind.Scalar)
            {
                throw _host.ExceptSchemaMismatch(nameof(schema), "text", name, "String", text.GetTypeString());
            }
        }

        return label;
    }

    private static void Check(Options options)
    {
        ArgumentException.ThrowIfNullOrEmpty(options.LabelColumnName, nameof(options.LabelColumnName));
        ArgumentException.ThrowIfNullOrEmpty(options.ScoreColumnName, nameof(options.ScoreColumnName));
        ArgumentException.ThrowIfNullOrEmpty(options.PredictionColumnName, nameof(options.PredictionColumnName));
        ArgumentException.ThrowIfNullOrEmpty(options.Sentence1ColumnName, nameof(options.Sentence1ColumnName));
        ArgumentNullException.ThrowIfNull(options.Optimizer, nameof(options.Optimizer));
        ArgumentNullException.ThrowIfNull(options.Model, nameof(options.Model));
        ArgumentNullException.ThrowIfNull(options.Adapter, nameof(options.Adapter));
        Check(options.BatchSize >= 1, nameof(options.BatchSize), options.BatchSize, "Use at least 1 row, for example 32.");
        Check(options.MaxEpoch >= 1, nameof(options.MaxEpoch), options.MaxEpoch, "Use at least 1 epoch.");
        Check(
            options.ValidationSetFraction is >= 0 and < 1, nameof(options.ValidationSetFraction), options.ValidationSetFraction,
            "Use 0 for no validation rows, or a fraction less than 1, for example 0.1.");
        Check(
            options.MaxSequenceLength is null or >= FewestTokens, nameof(options.MaxSequenceLength), options.MaxSequenceLength ?? 0,
            $"Use at least {FewestTokens} tokens, or null for the default.");
        options.Optimizer.Validate();
        options.Adapter.Validate();
        options.EarlyStopping?.Validate();
        if (options.ValidationSet is not null && options.ValidationSetFraction > 0)
        {
            throw new ArgumentException("Both ValidationSet and ValidationSetFraction are set. Set one of them.", nameof(options));
        }

        if (options.EarlyStopping is not null && options.ValidationSet is null && options.ValidationSetFraction == 0)
        {
            throw new ArgumentException(
                "EarlyStopping is set, but there are no validation rows to watch. Set ValidationSet or ValidationSetFraction.", nameof(options));
        }
    }

    private static void Check(bool legal, string name, double value, string advice)
    {
        if (!legal)
        {
            throw new ArgumentOutOfRangeException(name, string.Create(CultureInfo.InvariantCulture, $"{name} is {value}. {advice}"));
        }
    }
}
