using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.PerSampleGradients;

[TestClass]
public sealed class MappedBroadcastUseTests
{
    [TestMethod]
    [DataRow(6)]
    [DataRow(3)]
    public void AllOperations_EqualAutogradOfEachSample(int mapped)
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(Fixture.Sine(1, 0.6, 0.4, 1, 4, 2));
        var map = Fixture.Sine(1, 0.41, 0.15, mapped, 4);
        var error = Fixture.Sine(1, 0.77, 0.25, 3, mapped, 2);
        var weights = Fixture.Sine(1, 0.9, 0.2, 3);
        var direction = Fixture.Sine(1, 0.3, 0.5, 1, 4, 2);
        using var use = new MappedBroadcastUse(table, map);
        var gradients = Enumerable.Range(0, 3).Select(n =>
        {
            map.mm(table[0]).mul(error[n]).sum().backward();
            var gradient = table.grad!.clone();
            table.grad = null;
            return gradient.flatten();
        });
        var rows = stack([.. gradients]); // [N, P]

        using var noGrad = no_grad();
        Fixture.AssertClose(rows, use.PerSampleGradient(error).flatten(1), 1e-12);
        Fixture.AssertClose(rows.t().mv(weights).view(1, 4, 2), use.Combine(error, weights), 1e-12);
        Fixture.AssertClose(rows.mv(direction.flatten()), use.Dot(error, direction), 1e-12);
        var gram = zeros(3, 3, ScalarType.Float64);
        use.AddGram(gram, error, ScalarType.Float64);
        Fixture.AssertClose(rows.mm(rows.t()), gram, 1e-12);
    }
}
