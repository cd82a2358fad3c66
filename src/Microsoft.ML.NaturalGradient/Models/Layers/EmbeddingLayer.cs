using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A table of vectors looked up by id, that records itself on the current tape when it is trainable.</summary>
internal sealed class EmbeddingLayer : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [V, D]

    /// <summary>Creates a table of zeros, to be filled from a checkpoint.</summary>
    /// <param name="count">Rows V.</param>
    /// <param name="width">Width D.</param>
    public EmbeddingLayer(long count, long width)
        : base(nameof(EmbeddingLayer))
    {
        _weight = NewParameter.Of(() => zeros(count, width));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor ids) // [N, T] -> [N, T, D]
    {
        var output = _weight.index_select(0, ids.flatten()).view([.. ids.shape, _weight.shape[1]]);
        return GradientTape.Current is { } tape && _weight.requires_grad
            ? tape.Record(output, new EmbeddingUse(_weight, ids))
            : output;
    }
}
