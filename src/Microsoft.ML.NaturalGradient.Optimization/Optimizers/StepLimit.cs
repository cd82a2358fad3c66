using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Shortens the step that parameters took since this object was made: Δθ ← Δθ · min(1, √(c/‖Δθ‖²)).</summary>
/// <remarks>Measured rather than computed, so that it holds for every method. Made and used inside one dispose scope.</remarks>
internal sealed class StepLimit
{
    private readonly IReadOnlyList<Parameter> _parameters;
    private readonly double _constraint;
    private readonly Tensor[] _start;

    /// <summary>Notes where the parameters are.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="constraint">Largest squared length c.</param>
    public StepLimit(IReadOnlyList<Parameter> parameters, double constraint)
    {
        _parameters = parameters;
        _constraint = constraint;
        _start = [.. parameters.Select(parameter => parameter.detach().clone())];
    }

    /// <summary>Moves the parameters back along their step if it was too long.</summary>
    public void Apply()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var steps = _parameters.Select((parameter, i) => parameter.Minus(_start[i])).ToList();
        var scale = Math.Sqrt(_constraint) / steps.Norm();
        for (var i = 0; scale < 1 && i < steps.Count; i++)
        {
            _parameters[i].copy_(_start[i]);
            _parameters[i].AddInPlace(steps[i], scale);
        }
    }
}
