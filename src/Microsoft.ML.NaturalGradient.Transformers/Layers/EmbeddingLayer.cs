using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A table of vectors looked up by id, that records itself on the current tape when it is trainable, and may carry a prompt.</summary>
internal sealed class EmbeddingLayer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [V, D]

    /// <summary>Creates a table of zeros, to be filled from a checkpoint.</summary>
    /// <param name="count">Rows V.</param>
    /// <param name="width">Width D.</param>
    public EmbeddingLayer(long count, long width)
        : base(nameof(EmbeddingLayer))
    {
        _weight = NewParameter.Zeros(count, width);
        RegisterComponents();
    }

    /// <summary>Rows V.</summary>
    public long Count => _weight.shape[0];

    /// <summary>Width D.</summary>
    public long Width => _weight.shape[1];

    /// <summary>What stands before every text; <see langword="null"/> for nothing.</summary>
    public PromptAdapter? Prompt { get; private set; }

    /// <summary>Puts a prompt before every text, in place of as many ids.</summary>
    /// <param name="prompt">The prompt; owned by this layer from now on.</param>
    public void Prepend(PromptAdapter prompt)
    {
        Prompt = prompt;
        register_module("prompt", prompt);
    }

    /// <summary>Copies rows of the table.</summary>
    /// <param name="ids">Ids, [K].</param>
    /// <returns>[K, D]; in the caller's dispose scope.</returns>
    public Tensor Vectors(Tensor ids) => _weight.index_select(0, ids.to(_weight.device));

    /// <inheritdoc/>
    /// <remarks>With a prompt of P vectors, the first P ids of each text only keep its place.</remarks>
    public override Tensor forward(Tensor ids) => // [N, T] -> [N, T, D]
        LayerWatch.See(this, Prompt is null ? LookUp(ids) : Prompt.Prepend(LookUp(ids.narrow(1, Prompt.Length, ids.shape[1] - Prompt.Length))));

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        if (Prompt is null)
        {
            return graph.LookUp(() => _weight, Count, Width, input);
        }

        return Prompt.EmitPrepend(graph, graph.LookUp(() => _weight, Count, Width, graph.Slice(input, 1, Prompt.Length)));
    }

    /// <summary>Writes one row of the table into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="row">The row.</param>
    /// <returns>[D].</returns>
    public OnnxValue EmitRow(OnnxGraph graph, long row)
    {
        using var scope = graph.Enter(this);
        return graph.Weight("row", () => _weight.select(0, row), Width);
    }

    private Tensor LookUp(Tensor ids)
    {
        var output = _weight.index_select(0, ids.flatten()).view([.. ids.shape, _weight.shape[1]]);
        return GradientTape.Current is { } tape && _weight.requires_grad
            ? tape.Record(output, new EmbeddingUse(_weight, ids))
            : output;
    }
}
