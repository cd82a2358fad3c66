using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

[TestClass]
public sealed class RecordingLayerTests
{
    [TestMethod]
    public void Rows_LinearThenNormalization_EqualOneSampleAtATime()
    {
        using var linear = new LinearLayer(5, 4);
        using var norm = new NormalizationLayer(4, 1e-5);
        _ = linear.to(ScalarType.Float64);
        _ = norm.to(ScalarType.Float64);
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            foreach (var (parameter, frequency) in linear.parameters().Concat(norm.parameters()).Zip([0.8, 1.8, 2.8, 3.8]))
            {
                parameter.copy_(Fixture.Sine(1, frequency, 0.4, parameter.shape));
            }
        }

        var input = Fixture.Sine(1, 0.7, 0.1, 3, 2, 5);
        var seeds = Fixture.Sine(1, 1.1, 0.9, 3, 2, 4);
        using var tape = new GradientTape();
        Tensor output;
        using (tape.Start())
        {
            output = norm.forward(linear.forward(input));
        }

        using var captured = tape.Capture(output, seeds);

        var parameters = captured.Parameters.ToArray();
        Assert.HasCount(4, parameters);
        Fixture.AssertClose(PerSampleOracle.Rows(n => norm.forward(linear.forward(input.narrow(0, n, 1))), seeds, parameters), captured.Rows());
    }
}
