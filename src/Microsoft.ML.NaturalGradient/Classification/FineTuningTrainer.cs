using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;
using Microsoft.ML.Trainers;

namespace Microsoft.ML.NaturalGradient;

/// <summary>What all trainers are: they fine-tune a pretrained transformer on rows of an <see cref="IDataView"/>.</summary>
/// <remarks>
/// Neither normalization nor caching is needed: every row is encoded once. <see cref="Fit"/> may be called any number of times; with a seed in the
/// <see cref="MLContext"/>, equal data give equal models on a CPU, unless <see cref="FineTuningOptions.TimeBudget"/> shortens the training. <c>mlContext.GpuDeviceId</c>,
/// <c>FallbackToCpu</c>, <c>TempFilePath</c> and the seed are read when it is called. Progress goes to <c>mlContext.Log</c>, once per epoch, and to <see cref="FineTuningOptions.MetricsCallback"/>.
/// </remarks>
/// <typeparam name="TTransformer">What adds the predictions to rows.</typeparam>
/// <typeparam name="TModel">The trained model.</typeparam>
public abstract class FineTuningTrainer<TTransformer, TModel> : ITrainerEstimator<TTransformer, TModel>
    where TTransformer : FineTunedTransformer<TModel>
    where TModel : FineTunedModel
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly FineTuningOptions _options;
    private readonly RowColumns _columns;

    private protected FineTuningTrainer(IHostEnvironment environment, FineTuningOptions options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _environment = environment;
        _host = environment.Register(GetType().Name);
        _options = options.Copy();
        _options.Validate();
        _columns = _options.Columns;
        _columns.Target.CheckNames(_columns.Features);
    }

    /// <inheritdoc/>
    public TrainerInfo Info { get; } = new(normalization: false, caching: false);

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return _columns.Target.WithPredictions(inputSchema, _columns.Check(_host, inputSchema));
    }

    /// <summary>Trains a model.</summary>
    /// <param name="input">The training rows; not changed.</param>
    /// <returns>The transformer that adds the predictions; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column is missing or has the wrong type, or a setting does not fit the pretrained model, such as a size of pictures that is no multiple of its patches.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// The adapter does not fit the pretrained model, such as a target or <c>Layers</c> that fits no layer, or <see cref="Adapters.BiasOnly"/> on a model without biases.
    /// </exception>
    /// <exception cref="NotSupportedException">
    /// The architecture of the model is not known, T5 is to do another task than <c>TextClassification</c>, or <see cref="FineTuningOptions.FewShot"/> is set with an optimizer that draws labels.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There is no usable row, the label has too few classes, the device or libtorch is not there, the loss was not finite in the first epoch, or the
    /// state in the folder of checkpoints is that of another run.
    /// </exception>
    /// <exception cref="InvalidDataException">No training picture of a class can be read, or no validation picture, or, where they are not to be skipped, a single one cannot.</exception>
    /// <exception cref="IOException">
    /// A file of the pretrained model is missing or damaged, a temporary file cannot be written, or another run uses the folder of checkpoints.
    /// </exception>
    /// <exception cref="OperationCanceledException">The training was cancelled.</exception>
    public TTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var channel = _host.Start("TrainModel");
        using var run = new FineTuningRun(_environment, _host, channel, _options);
        return run.Members.Together(() =>
        {
            _columns.Check(_host, SchemaShape.Create(input.Schema));
            if (_options.ValidationSet is { } validation)
            {
                _columns.Check(_host, SchemaShape.Create(validation.Schema));
            }

            run.Begin();
            return Train(run, input);
        });
    }

    /// <summary>Trains a model on rows whose columns were checked.</summary>
    /// <param name="run">The run; its settings are those that the trainer was made with.</param>
    /// <param name="data">The training rows.</param>
    private protected abstract TTransformer Train(FineTuningRun run, IDataView data);
}
