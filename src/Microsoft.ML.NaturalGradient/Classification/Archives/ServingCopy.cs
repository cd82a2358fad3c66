using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A transformer that is saved as one of another kind: the same model for ONNX Runtime.</summary>
/// <param name="host">The host.</param>
/// <param name="original">The transformer; stays the caller's.</param>
/// <param name="served">The same object, as far as it can be served.</param>
/// <param name="options">How the graph is written.</param>
internal sealed class ServingCopy(IHost host, ITransformer original, IServable served, OnnxExportOptions options) : ITransformer
{
    /// <inheritdoc/>
    public bool IsRowToRowMapper => original.IsRowToRowMapper;

    /// <summary>Replaces the fine-tuned transformers of a pipeline.</summary>
    /// <param name="host">The host.</param>
    /// <param name="model">A transformer, or a chain, which may have others in it; stays the caller's.</param>
    /// <param name="options">How graphs are written.</param>
    /// <returns>The pipeline to save; null where it has no fine-tuned transformer.</returns>
    public static ITransformer? Of(IHost host, ITransformer model, OnnxExportOptions options)
    {
        if (model is IServable served)
        {
            return new ServingCopy(host, model, served, options);
        }

        if (model is not ITransformerChainAccessor chain)
        {
            return null;
        }

        var copies = chain.Transformers.Select(part => (Part: part, Copy: Of(host, part, options))).ToArray();
        return Array.TrueForAll(copies, copy => copy.Copy is null)
            ? null
            : new TransformerChain<ITransformer>(Array.ConvertAll(copies, copy => copy.Copy ?? copy.Part), chain.Scopes);
    }

    /// <inheritdoc/>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => original.GetOutputSchema(inputSchema);

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => original.GetRowToRowMapper(inputSchema);

    /// <inheritdoc/>
    public IDataView Transform(IDataView input) => original.Transform(input);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ServedModelArchive.Save(host, ctx, served.Served, stream => stream.Write(served.WriteGraph(options)));
}
