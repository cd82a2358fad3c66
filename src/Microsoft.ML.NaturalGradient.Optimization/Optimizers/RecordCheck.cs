using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Compares what layers recorded with ordinary backward passes.</summary>
internal static class RecordCheck
{
    private const double Tolerance = 1e-3; // relative; what is wrong differs by its own size
    private const double CoarseTolerance = 0.1; // of numbers of 16 bits

    /// <summary>Whether they agree: what half of the samples send back leaves the others without gradient, and all adds up to an ordinary backward pass.</summary>
    /// <param name="batch">The batch after its first pass; its graph is kept.</param>
    /// <param name="tape">Its tape.</param>
    public static bool Agrees(WholeBatch batch, GradientTape tape)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var logits = batch.Logits;
        var seeds = TensorMath.Indices(logits.numel(), logits.device).to(logits.dtype).cos().view(logits.shape);
        var (even, odd) = (Half(0), Half(1));
        var expected = batch.PullBack(seeds, batch.Trained, keepGraph: true);
        return batch.Trained.Zip(expected).All(pair =>
        {
            var (parameter, sum) = pair;
            var most = (logits.dtype == logits.WideType() ? Tolerance : CoarseTolerance) * sum.Norm();
            return even.Own[parameter].Plus(odd.Own[parameter]).Minus(sum).Norm() <= most
                && even.Others[parameter].Norm() <= most && odd.Others[parameter].Norm() <= most;
        });

        (ParameterVector Own, ParameterVector Others) Half(int remainder)
        {
            var (own, others) = (OfSamples(n => n % 2 == remainder ? 1 : 0), OfSamples(n => n % 2 == remainder ? 0 : 1 + Math.Cos(n)));
            using var captured = tape.Capture(logits, seeds.mul(own.view([-1, .. Enumerable.Repeat(1L, (int)seeds.dim() - 1)])), keepGraph: true);
            var (sums, rests) = (captured.Combine(own), captured.Combine(others));
            return (sums, rests);
        }

        Tensor OfSamples(Func<int, double> value) =>
            tensor(Enumerable.Range(0, (int)batch.SampleCount).Select(value).ToArray(), dtype: logits.dtype, device: logits.device);
    }
}
