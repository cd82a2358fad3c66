using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>The token vectors of encoder and decoder, and in T5 1.0 of the head too; each use records itself when the table is trainable.</summary>
internal sealed class SharedEmbedding : nn.Module
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [V, D]

    /// <summary>Creates a table of zeros, to be filled from a checkpoint.</summary>
    /// <param name="count">Rows V.</param>
    /// <param name="width">Width D.</param>
    public SharedEmbedding(long count, long width)
        : base(nameof(SharedEmbedding))
    {
        _weight = NewParameter.Zeros(count, width);
        RegisterComponents();
    }

    /// <summary>Copies rows of the table.</summary>
    /// <param name="ids">Ids, [K].</param>
    /// <returns>[K, D]; in the caller's dispose scope.</returns>
    public Tensor Vectors(Tensor ids) => _weight.index_select(0, ids.to(_weight.device));

    /// <summary>Looks vectors up.</summary>
    /// <param name="ids">Ids, [N, T].</param>
    /// <returns>[N, T, D]; in the caller's dispose scope.</returns>
    public Tensor LookUp(Tensor ids)
    {
        var output = _weight.index_select(0, ids.flatten()).view([.. ids.shape, _weight.shape[1]]); // [N, T, D]
        return Recorded(output, () => new EmbeddingUse(_weight, ids));
    }

    /// <summary>Computes the inner products with all vectors: the logits of a tied head.</summary>
    /// <param name="hidden">[N, ..., D].</param>
    /// <returns>[N, ..., V]; in the caller's dispose scope.</returns>
    public Tensor Logits(Tensor hidden) =>
        Recorded(nn.functional.linear(hidden, _weight), () => new LinearWeightUse(_weight, hidden));

    /// <summary>Writes <see cref="LookUp"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="ids">Ids, [N, T].</param>
    /// <returns>[N, T, D].</returns>
    public OnnxValue EmitLookUp(OnnxGraph graph, OnnxValue ids)
    {
        using var scope = graph.Enter(this);
        return graph.LookUp(() => _weight, _weight.shape[0], _weight.shape[1], ids);
    }

    /// <summary>Writes <see cref="Logits"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="hidden">[R, D].</param>
    /// <returns>[R, V].</returns>
    /// <remarks>The table is in the file once, but for one of 8-bit numbers, which are rounded for each use.</remarks>
    public OnnxValue EmitLogits(OnnxGraph graph, OnnxValue hidden)
    {
        using var scope = graph.Enter(this);
        var (count, width) = (_weight.shape[0], _weight.shape[1]);
        return graph.Precision == OnnxPrecision.Int8
            ? graph.Linear(hidden, () => _weight, count, null)
            : graph.MatMulTransposed(hidden, graph.Weight("weight", () => _weight, count, width));
    }

    private Tensor Recorded(Tensor output, Func<ParameterUse> use) =>
        GradientTape.Current is { } tape && _weight.requires_grad ? tape.Record(output, use()) : LayerWatch.See(this, output);
}
