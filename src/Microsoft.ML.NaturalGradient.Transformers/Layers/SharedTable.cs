using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A table of vectors that every sample reads as a whole, that records itself on the current tape when it is trainable.</summary>
internal sealed class SharedTable : nn.Module<long, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [R, D]

    /// <summary>Creates a table of zeros, to be filled from a checkpoint.</summary>
    /// <param name="rows">Rows R.</param>
    /// <param name="width">Width D.</param>
    public SharedTable(long rows, long width)
        : base(nameof(SharedTable))
    {
        _weight = NewParameter.Zeros(rows, width);
        RegisterComponents();
    }

    /// <summary>Whether something trainable that all samples share needs a copy for each of them, to tell their gradients apart.</summary>
    /// <param name="modules">What reads the shared rows; null for what is absent.</param>
    public static bool NeedsCopies(params IEnumerable<nn.Module?> modules) => GradientTape.Current is not null
        && modules.Any(module => module?.parameters().Any(parameter => parameter.requires_grad) == true);

    /// <inheritdoc/>
    /// <param name="samples">1, or the number N of samples, for each of which there is then a copy.</param>
    public override Tensor forward(long samples) // [1 or N, R, D]
    {
        var rows = _weight.unsqueeze(0).expand(samples, -1, -1);
        return GradientTape.Current is { } tape && _weight.requires_grad
            ? tape.Record(rows, new BroadcastUse(_weight))
            : rows;
    }

    /// <summary>Writes the table into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <returns>[1, R, D].</returns>
    public OnnxValue Emit(OnnxGraph graph)
    {
        using var scope = graph.Enter(this);
        return graph.Weight("weight", () => _weight.unsqueeze(0), 1, _weight.shape[0], _weight.shape[1]);
    }
}
