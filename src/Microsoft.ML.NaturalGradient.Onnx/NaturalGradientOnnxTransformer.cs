using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Serving;
using Microsoft.ML.Runtime;

[assembly: LoadableClass(
    typeof(NaturalGradientOnnxTransformer), null, typeof(SignatureLoadModel), "Scoring of fine-tuned models in ONNX Runtime", ServedModelArchive.LoaderSignature)]

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adds the predictions of a fine-tuned model to rows, computed by ONNX Runtime: the same columns as those of the trainer's own transformer.</summary>
/// <remarks>
/// <see cref="Transform"/> reads ahead and computes in batches, and computes nothing while no output is read. Several threads
/// may use one transformer. <see cref="Dispose"/> frees the weights, when running calls have ended;
/// data views made before can no longer be read then. A prediction engine disposes its transformer, unless it was created with
/// <c>OwnsTransformer = false</c>.
/// </remarks>
public sealed class NaturalGradientOnnxTransformer : ITransformer, IDisposable
{
    private readonly IHost _host;
    private readonly ServedModel _model;
    private readonly GraphSession _session;
    private readonly GraphSource _source;
    private readonly ScoringTransform _transform;

    internal NaturalGradientOnnxTransformer(IHostEnvironment environment, ServedModel model, GraphSource source, OnnxScoringOptions options)
    {
        _host = environment.Register(nameof(NaturalGradientOnnxTransformer));
        (_model, _source) = (model, source);
        try
        {
            var (texts, pictures) = (model as ServedTexts, model as ServedPictures);
            var (encoding, preprocessor) = (texts?.ReadEncoding(), pictures?.ReadPreprocessor());
            _session = GraphSession.Load(source, model.Format, options);
            IRowScorer scorer = texts is not null
                ? new TextRowScorer(new TextPredictor(new TokenGraph(_session, source, encoding!.Tokenizer), encoding), texts.Scoring, texts.Columns)
                : new ImageRowScorer(
                    new PicturePredictor(new PictureGraph(_session, preprocessor!), preprocessor!, pictures!.Reading, pictures.Format.OutputCount), pictures.Format, pictures.Columns);
            _transform = new ScoringTransform(_host, scorer);
        }
        catch
        {
            _session?.Dispose();
            source.Dispose();
            throw;
        }
    }

    /// <summary>Names of what is predicted, in the order of the scores: the classes or tags.</summary>
    public IReadOnlyList<string> OutputNames => _model.Format.OutputNames;

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
        _session.Dispose();
        _source.Dispose();
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        _session.ThrowIfDisposed();
        if (_source.Facts.ExternalFiles.Count > 0)
        {
            throw new NotSupportedException(
                "The weights of this model lie beside its graph, since they are large, and a saved model cannot hold them. Copy the folder, and load it with ApplyNaturalGradientOnnx.");
        }

        ServedModelArchive.Save(_host, ctx, _model, _source.Graph.CopyTo);
    }

    // Called by ML.NET through reflection; see the LoadableClass attribute above.
    private static NaturalGradientOnnxTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        StoredGraph? graph = null;
        try
        {
            var folder = (env as IHostEnvironmentInternal)?.TempFilePath;
            var model = ServedModelArchive.Load(env.Register(nameof(NaturalGradientOnnxTransformer)), ctx, write => graph = StoredGraph.Temporary(write, folder));
            return new(env, model, GraphSource.InModel(graph!), NaturalGradientOnnxCatalog.OptionsOf(env));
        }
        catch
        {
            graph?.Dispose();
            throw;
        }
    }
}
