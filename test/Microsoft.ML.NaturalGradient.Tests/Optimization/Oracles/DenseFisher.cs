using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>The exact Fisher matrix as it is defined: F = Σ Jᵀ (diag(p) − p pᵀ) J over samples and label positions, formed as a whole.</summary>
internal static class DenseFisher
{
    /// <param name="forward">The logits, [N, C] or [N, T, C].</param>
    /// <param name="parameters">By what to differentiate.</param>
    /// <param name="counts">Which label positions count, [N] or [N, T]; null for all.</param>
    /// <returns>F, [P, P], float64.</returns>
    public static Tensor OfSoftmax(Func<Tensor> forward, IReadOnlyList<Parameter> parameters, Tensor? counts = null)
    {
        var logits = forward();
        var classes = logits.shape[^1];
        var probabilities = logits.detach().reshape(-1, classes).softmax(1);
        var jacobian = Jacobian(forward, parameters).view(-1, classes, parameters.Sum(parameter => parameter.numel()));
        var fisher = zeros(jacobian.shape[2], jacobian.shape[2], dtype: ScalarType.Float64);
        for (var row = 0L; row < jacobian.shape[0]; row++)
        {
            if (counts is null || counts.flatten()[row].to(ScalarType.Float64).item<double>() != 0)
            {
                var p = probabilities[row];
                fisher = fisher.add(jacobian[row].t().mm(p.diag().sub(p.outer(p))).mm(jacobian[row]));
            }
        }

        return fisher;
    }

    /// <returns>∂z/∂θ, one row for each logit, by one backward pass each.</returns>
    public static Tensor Jacobian(Func<Tensor> forward, IReadOnlyList<Parameter> parameters)
    {
        var rows = new List<Tensor>();
        for (var k = 0L; k < forward().numel(); k++)
        {
            autograd.backward([forward().flatten()[k]], null, false, false, [.. parameters]);
            rows.Add(cat([.. parameters.Select(parameter => (parameter.grad ?? zeros_like(parameter)).flatten().clone())]));
            foreach (var parameter in parameters)
            {
                parameter.grad = null;
            }
        }

        return stack(rows);
    }

    /// <summary>dᵀFd from its other definition: the second derivative of Σ KL(p(θ) ‖ p(θ + εd)) in ε at 0.</summary>
    public static double Curvature(Func<Tensor> forward, IReadOnlyList<Parameter> parameters, Tensor direction, double step = 1e-3)
    {
        using var noGrad = no_grad();
        var start = cat([.. parameters.Select(parameter => parameter.detach().flatten())]).clone();
        var here = forward().log_softmax(-1);
        var sum = 0.0;
        foreach (var side in new[] { step, -step })
        {
            FlatVector.Set(parameters, start.add(direction.mul(side)));
            sum += here.exp().mul(here.sub(forward().log_softmax(-1))).sum().item<double>();
        }

        FlatVector.Set(parameters, start);
        return sum / (step * step);
    }
}
