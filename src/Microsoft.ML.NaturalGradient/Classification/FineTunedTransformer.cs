using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>What all transformers of fine-tuned models are: they add predictions to rows.</summary>
/// <remarks>
/// <see cref="Transform"/> reads ahead and computes in batches, and computes nothing while no output is read. Several threads
/// may use one transformer. <see cref="Dispose"/> frees the weights, when running calls have ended;
/// data views made before can no longer be read then. A prediction engine disposes its transformer, unless it was created with
/// <c>OwnsTransformer = false</c>.
/// </remarks>
/// <typeparam name="TModel">The model.</typeparam>
public abstract class FineTunedTransformer<TModel> : IPredictionTransformer<TModel>, IServable, IDisposable
    where TModel : FineTunedModel
{
    private readonly IHost _host;
    private readonly Action<IHost, ModelSaveContext> _save;
    private readonly Func<ServedModel> _served;
    private readonly ScoringTransform _transform;

    /// <summary>Creates a transformer.</summary>
    /// <param name="environment">The environment.</param>
    /// <param name="model">The model; owned by the transformer from now on.</param>
    /// <param name="scorer">Scores rows with it.</param>
    /// <param name="served">Gives what is needed to score, but the network.</param>
    /// <param name="save">Writes the model.</param>
    private protected FineTunedTransformer(
        IHostEnvironment environment, TModel model, IRowScorer scorer, Func<ServedModel> served, Action<IHost, ModelSaveContext> save)
    {
        _host = environment.Register(GetType().Name);
        _save = save;
        _served = served;
        _transform = new ScoringTransform(_host, scorer, (context, schema) => model.SaveAsOnnx(context, scorer.Columns.Target, schema));
        Model = model;
    }

    /// <summary>The fine-tuned model.</summary>
    public TModel Model { get; }

    /// <summary>Always true: each row is scored by itself.</summary>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _transform.Map(inputSchema).OutputSchema;

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _transform.Map(inputSchema);

    /// <inheritdoc/>
    public IDataView Transform(IDataView input) => _transform.Transform(input);

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        GC.SuppressFinalize(this);
    }

    ServedModel IServable.Served => _served();

    byte[] IServable.WriteGraph(OnnxExportOptions options) => Model.WriteGraph(options);

    void ICanSaveModel.Save(ModelSaveContext ctx) => _save(_host, ctx);
}
