using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted class and the probability of each class to rows of text.</summary>
/// <remarks>
/// <see cref="Transform"/> reads ahead and computes in batches, and computes nothing while neither output is read. Several threads
/// may use one transformer. <see cref="Dispose"/> frees the weights, when running calls have ended;
/// data views made before can no longer be read then. A prediction engine disposes its transformer, unless it was created with
/// <c>OwnsTransformer = false</c>.
/// </remarks>
public sealed class TextClassificationTransformer : IPredictionTransformer<TextClassificationModel>, IDisposable
{
    internal const string LoaderSignature = "NgTextClassification";

    private readonly IHost _host;
    private readonly TextColumns _columns;
    private readonly ScoringTransform _transform;

    internal TextClassificationTransformer(IHostEnvironment environment, TextClassificationModel model, TextColumns columns)
    {
        _host = environment.Register(nameof(TextClassificationTransformer));
        Model = model;
        _columns = columns;
        _transform = new ScoringTransform(_host, new TextRowScorer(model.Scorer, columns));
    }

    /// <summary>The fine-tuned model.</summary>
    public TextClassificationModel Model { get; }

    /// <summary>Always true: each row is scored by itself.</summary>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _transform.Map(inputSchema).OutputSchema;

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _transform.Map(inputSchema);

    /// <inheritdoc/>
    public IDataView Transform(IDataView input) => _transform.Transform(input);

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => TextModelArchive.Save(_host, ctx, Model.Scorer, _columns, TextModelArchive.Classification);

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static TextClassificationTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Classification);
        return new TextClassificationTransformer(env, new TextClassificationModel(scorer), columns);
    }
}
