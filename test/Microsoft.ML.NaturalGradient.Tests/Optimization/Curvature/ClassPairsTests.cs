using Microsoft.ML.NaturalGradient.Curvature;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Curvature;

/// <summary>The loss of pairs, against loops over all pairs.</summary>
[TestClass]
public sealed class ClassPairsTests
{
    private static readonly long[] Classes = [0, 1, 0, 2, 1, 0]; // class 2 has one row only

    private readonly ClassPairs _objective = new();

    [TestMethod]
    public void LossesAndGradients_EqualThoseOfAllPairs()
    {
        using var scope = NewDisposeScope();
        var (vectors, labels) = Batch();

        var losses = new double[Classes.Length];
        var gradients = zeros_like(vectors);
        for (var n = 0; n < Classes.Length; n++)
        {
            foreach (var (m, weight) in Partners(n))
            {
                var (cosine, wanted) = (vectors[n].dot(vectors[m]).item<double>(), Classes[n] == Classes[m] ? 1 : 0);
                losses[n] += weight * (cosine - wanted) * (cosine - wanted) / 2;
                gradients[n].add_(vectors[m], weight * (cosine - wanted));
            }
        }

        Fixture.AssertClose(tensor(losses), _objective.Losses(vectors, labels), 1e-14);
        Fixture.AssertClose(gradients, _objective.LogitGradients(vectors, labels), 1e-14);
        Assert.IsNull(_objective.FindCorrect(vectors, labels));
    }

    [TestMethod]
    public void Hessian_IsThatOfTheOwnVector_AndItsFactorGivesTheGradient()
    {
        using var scope = NewDisposeScope();
        var (vectors, labels) = Batch();
        var tangents = Fixture.Sine(1, 0.31, 0.2, Classes.Length, 4);
        using var factor = _objective.FactorHessian(vectors, labels);

        var products = _objective.TimesHessian(vectors, labels, tangents);

        var expected = zeros_like(vectors);
        for (var n = 0; n < Classes.Length; n++)
        {
            foreach (var (m, weight) in Partners(n))
            {
                expected[n].add_(vectors[m], weight * vectors[m].dot(tangents[n]).item<double>());
            }
        }

        Fixture.AssertClose(expected, products, 1e-14);
        Fixture.AssertClose(expected, factor.Columns.mul(factor.Columns.mul(tangents).sum(-1, keepdim: true)).sum(0L), 1e-14);
        Fixture.AssertClose(_objective.LogitGradients(vectors, labels), factor.Columns.mul(factor.Coefficients.unsqueeze(2)).sum(0L), 1e-14);
    }

    [TestMethod]
    public void Losses_VectorsAllAlike_AreThoseOfAGuess()
    {
        using var scope = NewDisposeScope();

        var losses = _objective.Losses(ones(4, 1, ScalarType.Float64), tensor(new long[] { 0, 0, 1, 1 }));

        Fixture.AssertClose(full(4, ClassPairs.GuessLoss, ScalarType.Float64), losses, 1e-15);
    }

    [TestMethod]
    public void SampleLabels_Throws() =>
        StringAssert.Contains(Assert.ThrowsExactly<NotSupportedException>(() => _objective.SampleLabels(null!, null!, null!)).Message, "Use Ief");

    private static (Tensor Vectors, Tensor Labels) Batch()
    {
        var vectors = Fixture.Sine(1, 0.83, 0.4, Classes.Length, 4);
        return (vectors.div(vectors.norm(1, keepdim: true)), tensor(Classes));
    }

    // The others with their weights, half of it for the class of n and half for the others, all of it where one kind is missing.
    private static IEnumerable<(int Row, double Weight)> Partners(int n)
    {
        var all = Enumerable.Range(0, Classes.Length).Where(m => m != n).ToArray();
        var same = all.Count(m => Classes[m] == Classes[n]);
        var other = all.Length - same;
        var share = same == 0 || other == 0 ? 1 : 0.5;
        return all.Select(m => (m, share / (Classes[m] == Classes[n] ? same : other)));
    }
}
