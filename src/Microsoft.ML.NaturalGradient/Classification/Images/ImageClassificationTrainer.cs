using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Fine-tunes a pretrained vision transformer to classify pictures.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// Created by `mlContext.MulticlassClassification.Trainers.ImageClassification`.
///
/// | column | type |
/// |---|---|
/// | label, input | key (`UInt32`), as `MapValueToKey` makes it; rows without one are skipped |
/// | features, input | the picture: `Vector<Byte>` of an encoded file (`LoadRawImageBytes`), `Image` (`LoadImages`), or text, the path of a file |
/// | predicted label, output | key with the key values of the label |
/// | score, output | vector of `Single`: the probability of each class, in the order of the keys, summing to 1 |
///
/// Pictures are JPEG, PNG, WebP, BMP or the first frame of GIF; they are turned upright as EXIF says, and transparency is left out. Each is decoded once,
/// on all processors, and kept resized in memory up to `Options.CacheMemoryLimit`, beyond it in a temporary file; random changes
/// (`Options.Augmentation`) are made anew in each epoch while the network trains. Pictures that cannot be read are skipped, counted and named in the log.
/// When rows are scored, such a row gets no prediction: a missing key, and NaN as scores, which ML.NET's `Evaluate` passes over.
///
/// A tenth of the rows is set aside to watch the training on unless told otherwise, and the weights of the best epoch are kept, as ML.NET's own trainer does.
/// `Fit` may be called any number of times; with a seed in the `MLContext`, equal data give equal models on a CPU. `mlContext.GpuDeviceId`,
/// `FallbackToCpu`, `TempFilePath` and the seed are read when `Fit` is called. Progress goes to `mlContext.Log`, once per epoch, and to `Options.MetricsCallback`.
/// ]]></format>
/// </remarks>
public sealed partial class ImageClassificationTrainer : ITrainerEstimator<ImageClassificationTransformer, ImageClassificationModel>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly Options _options;
    private readonly ImageColumns _columns;

    internal ImageClassificationTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _environment = environment;
        _host = environment.Register(nameof(ImageClassificationTrainer));
        _options = options.Clone();
        _options.Validate();
        _columns = new ImageColumns(
            new TargetColumns(options.LabelColumnName, options.ScoreColumnName, options.PredictedLabelColumnName), options.FeatureColumnName);
        _columns.Target.CheckNames(_columns.Feature);
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
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or has the wrong type, or the size of pictures is no multiple of the model's patches.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There is no usable row, the label has fewer than two classes, the device or libtorch is not there, or the loss was not finite in the first epoch.
    /// </exception>
    /// <exception cref="InvalidDataException">No picture of a class can be read, or, where they are not to be skipped, a single one cannot.</exception>
    /// <exception cref="IOException">A file of the pretrained model is missing or damaged, or the temporary file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public ImageClassificationTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        CheckColumns(SchemaShape.Create(input.Schema));
        if (_options.ValidationSet is { } validation)
        {
            CheckColumns(SchemaShape.Create(validation.Schema));
        }

        using var channel = _host.Start("TrainModel");
        var labels = _columns.Target.ReadClasses(input.Schema, _options.ValidationSet?.Schema);
        using var run = new ImageTrainingRun(_environment, _host, channel, _options, _columns);
        var scorer = run.Train(input, labels);
        return new ImageClassificationTransformer(_host, new ImageClassificationModel(scorer), _columns);
    }

    private SchemaShape.Column CheckColumns(SchemaShape schema)
    {
        var label = _columns.Target.CheckKey(_host, schema);
        _columns.CheckFeature(_host, schema);
        return label;
    }
}
