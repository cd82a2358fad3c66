namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>The texts that a graph reads, as token ids.</summary>
internal sealed class OnnxTokens
{
    /// <summary>Name of the input with token ids.</summary>
    public const string IdsName = "input_ids";

    /// <summary>Name of the input that tells tokens from padding.</summary>
    public const string MaskName = "attention_mask";

    /// <summary>Name of the input with the segments of tokens, where the network reads them.</summary>
    public const string TypeIdsName = "token_type_ids";

    /// <summary>Name of the dimension of rows.</summary>
    public const string Batch = "batch";

    private const string Tokens = "tokens";

    private readonly Lazy<OnnxValue> _ids;
    private readonly Lazy<OnnxValue> _mask;
    private readonly Lazy<OnnxValue> _typeIds;

    private OnnxTokens(Func<OnnxValue> ids, Func<OnnxValue> mask, Func<OnnxValue> typeIds)
    {
        _ids = new Lazy<OnnxValue>(ids);
        _mask = new Lazy<OnnxValue>(mask);
        _typeIds = new Lazy<OnnxValue>(typeIds);
    }

    /// <summary>Token ids, [N, T], int64.</summary>
    public OnnxValue Ids => _ids.Value;

    /// <summary>1 for tokens and 0 for padding, [N, T], int64.</summary>
    public OnnxValue Mask => _mask.Value;

    /// <summary>Segments, [N, T], int64; an input of the graph as soon as they are read.</summary>
    public OnnxValue TypeIds => _typeIds.Value;

    /// <summary>Adds the inputs.</summary>
    /// <param name="graph">The graph; changed.</param>
    public static OnnxTokens Inputs(OnnxGraph graph)
    {
        var (ids, mask) = (New(IdsName), New(MaskName));
        return new OnnxTokens(() => ids, () => mask, () => New(TypeIdsName));

        OnnxValue New(string name) => graph.Input(name, OnnxElementType.Int64, Batch, Tokens);
    }

    /// <summary>Makes room for a prompt before each row: tokens of segment 0 that attention sees.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="count">Tokens P of the prompt; 0 for none.</param>
    /// <returns>Rows of P + T, whose first ids repeat the row's first token.</returns>
    public OnnxTokens WithPrompt(OnnxGraph graph, int count)
    {
        return count == 0 ? this : new OnnxTokens(
            () => Longer(Ids, graph.Slice(Ids, 1, 0, 1)), () => Longer(Mask, graph.Integer(1)), () => Longer(TypeIds, graph.Integer(0)));

        // The repeated value before each row, [N, P + T].
        OnnxValue Longer(OnnxValue rows, OnnxValue repeated)
        {
            using var scope = graph.Enter("prompt");
            var size = graph.Concat(0, graph.SizeOf(rows, 0), graph.Integers(count));
            return graph.Concat(1, graph.Add("Expand", [repeated, size], OnnxElementType.Int64, [rows.Shape[0], count]), rows);
        }
    }
}
