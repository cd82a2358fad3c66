using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted number to rows of text pairs.</summary>
/// <remarks>
/// <see cref="Transform"/> reads ahead and computes in batches, and computes nothing while the output is not read. Several threads
/// may use one transformer. <see cref="Dispose"/> frees the weights, when running calls have ended;
/// data views made before can no longer be read then. A prediction engine disposes its transformer, unless it was created with
/// <c>OwnsTransformer = false</c>.
/// </remarks>
public sealed class SentenceSimilarityTransformer : IPredictionTransformer<SentenceSimilarityModel>, IDisposable
{
    internal const string LoaderSignature = "NgSentenceSimilarity";

    private readonly IHost _host;
    private readonly TextColumns _columns;
    private readonly ScoringTransform _transform;

    internal SentenceSimilarityTransformer(IHostEnvironment environment, SentenceSimilarityModel model, TextColumns columns)
    {
        _host = environment.Register(nameof(SentenceSimilarityTransformer));
        Model = model;
        _columns = columns;
        _transform = new ScoringTransform(_host, new TextRowScorer(model.Scorer, columns));
    }

    /// <summary>The fine-tuned model.</summary>
    public SentenceSimilarityModel Model { get; }

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

    void ICanSaveModel.Save(ModelSaveContext ctx) => TextModelArchive.Save(_host, ctx, Model.Scorer, _columns, TextModelArchive.Similarity);

    // Called by ML.NET through reflection; see the LoadableClass attribute in TextModelArchive.
    private static SentenceSimilarityTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = TextModelArchive.Load(env, ctx, TextModelArchive.Similarity);
        return new SentenceSimilarityTransformer(env, new SentenceSimilarityModel(scorer), columns);
    }
}
