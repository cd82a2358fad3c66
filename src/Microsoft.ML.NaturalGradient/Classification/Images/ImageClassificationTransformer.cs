using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Interop;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predicted class and the probability of each class to rows with pictures.</summary>
/// <remarks>
/// <see cref="Transform"/> reads ahead, decodes on all processors and computes in batches, and computes nothing while neither output is read. Several
/// threads may use one transformer. <see cref="Dispose"/> frees the weights, when running calls have ended;
/// data views made before can no longer be read then. A prediction engine disposes its transformer, unless it was created with
/// <c>OwnsTransformer = false</c>.
/// </remarks>
public sealed class ImageClassificationTransformer : IPredictionTransformer<ImageClassificationModel>, IDisposable
{
    internal const string LoaderSignature = "NgImageClassification";

    private readonly ImageColumns _columns;
    private readonly IHost _host;
    private readonly ScoringTransform _transform;

    internal ImageClassificationTransformer(IHostEnvironment environment, ImageClassificationModel model, ImageColumns columns)
    {
        _host = environment.Register(nameof(ImageClassificationTransformer));
        _columns = columns;
        _transform = new ScoringTransform(_host, new ImageRowScorer(model.Scorer, columns));
        Model = model;
    }

    /// <summary>The fine-tuned model.</summary>
    public ImageClassificationModel Model { get; }

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

    void ICanSaveModel.Save(ModelSaveContext ctx) => ImageModelArchive.Save(_host, ctx, Model.Scorer, _columns);

    // Called by ML.NET through reflection; see the LoadableClass attribute in ImageModelArchive.
    private static ImageClassificationTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        var (scorer, columns) = ImageModelArchive.Load(env, ctx);
        return new ImageClassificationTransformer(env, new ImageClassificationModel(scorer), columns);
    }
}
