using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained transformer to predict a number for a pair of texts, such as how similar they are.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.Regression.Trainers.SentenceSimilarity`.
///
/// | column | type |
/// |---|---|
/// | label, input | `Single`; rows whose label is not a finite number are skipped |
/// | sentence 1 and sentence 2, input | text; may be empty |
/// | score, output | `Single`, in the unit of the label; not limited to the labels' range |
///
/// The encoder reads both texts as one pair and a linear head predicts the number; the loss is the squared error. The labels may have any
/// unit: they are scaled to mean 0 and deviation 1 while training. `Fit`, seed, device and progress are as in text classification.
/// ]]></format>
/// </remarks>
public sealed partial class SentenceSimilarityTrainer : ITrainerEstimator<SentenceSimilarityTransformer, SentenceSimilarityModel>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly TextColumns _columns;

    internal SentenceSimilarityTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _environment = environment;
        _host = environment.Register(nameof(SentenceSimilarityTrainer));
        _options = options.Clone();
        _options.Validate();
        _columns = new TextColumns(
            new TargetColumns(options.LabelColumnName, options.ScoreColumnName, null), options.Sentence1ColumnName, options.Sentence2ColumnName);
        _columns.Target.CheckNames(_columns.Sentences);
    }

    /// <inheritdoc/>
    public TrainerInfo Info { get; } = new(normalization: false, caching: false);

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        CheckColumns(inputSchema);
        return _columns.Target.WithNumber(inputSchema);
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The training rows; not changed.</param>
    /// <returns>The transformer that adds the predictions; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    /// <exception cref="InvalidOperationException">
    /// There is no usable row, the device or libtorch is not there, or the loss was not finite in the first epoch.
    /// </exception>
    /// <exception cref="IOException">A file of the pretrained model is missing or damaged.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public SentenceSimilarityTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckColumns(SchemaShape.Create(input.Schema));
        if (_options.ValidationSet is { } validation)
        {
            CheckColumns(SchemaShape.Create(validation.Schema));
        }

        using var channel = _host.Start("TrainModel");
        using var run = new TextTrainingRun(_environment, _host, channel, _options, _columns);
        var scorer = run.Train(input, new RegressionTask());
        return new SentenceSimilarityTransformer(_host, new SentenceSimilarityModel(scorer), _columns);
    }

    private void CheckColumns(SchemaShape schema)
    {
        _columns.Target.CheckNumber(_host, schema);
        _columns.CheckSentences(_host, schema);
    }
}
