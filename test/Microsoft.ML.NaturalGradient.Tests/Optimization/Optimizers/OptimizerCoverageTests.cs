using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class OptimizerCoverageTests
{
    [TestMethod]
    public void Coverage_MethodsForAnyParameter_IsFullFromTheStart()
    {
        using var scope = NewDisposeScope();
        foreach (var options in new OptimizerOptions[] { Optimizers.Ief, Optimizers.Ef, Optimizers.Sf, Optimizers.AdamW, Optimizers.Sgd })
        {
            using var optimizer = options.Create(new ToyNetwork().Parameters, 0);

            Assert.IsNull(optimizer.Coverage!.Describe(options.Name), options.Name);
        }
    }

    [TestMethod]
    public void Coverage_KroneckerFactored_NamesKindsAndTreatmentAfterFirstStep()
    {
        Assert.AreEqual("KFAC trains 2 of 4 parameters (embeddings, scales) by scaled gradient.", Describe(Optimizers.Kfac));
        Assert.AreEqual("ieKFAC trains 2 of 4 parameters (embeddings, scales) by scaled gradient.", Describe(Optimizers.Iekfac));
    }

    [TestMethod]
    public void Coverage_AdaFisher_NamesWhatEachVariantLeavesOut()
    {
        Assert.AreEqual("AdaFisher trains 1 of 4 parameters (embeddings) by momentum SGD (F = the mean of the others).", Describe(Optimizers.AdaFisher));
        Assert.AreEqual(
            "AdaFisher trains 2 of 4 parameters (embeddings, scales) by momentum SGD (F = 1).",
            Describe(Optimizers.AdaFisher with { Variant = AdaFisherVariant.Reference }));
    }

    [TestMethod]
    public void Step_ParameterWithoutRecord_ThrowsAndChangesNothing()
    {
        foreach (var options in new OptimizerOptions[] { Optimizers.Kfac, Optimizers.Ekfac, Optimizers.Iekfac, Optimizers.AdaFisher })
        {
            using var scope = NewDisposeScope();
            var network = new ToyNetwork();
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
            using var optimizer = options.Create([.. network.Parameters, nn.Parameter(zeros(2))], 0);
            var before = network.Flat();

            var exception = Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(batch, 1));

            StringAssert.Contains(exception.Message, "1 of 5");
            Fixture.AssertClose(before, network.Flat(), 0, 0);
        }
    }

    // A table, a scale and a linear layer with bias.
    private static string? Describe(OptimizerOptions options)
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(Fixture.Sine(1, 0.7, 0.1, 4, 3));
        var scale = nn.Parameter(ones(3, ScalarType.Float64));
        var weight = nn.Parameter(Fixture.Sine(0.5, 0.3, 0.1, 2, 3));
        var bias = nn.Parameter(zeros(2, ScalarType.Float64));
        var ids = tensor(new long[] { 0, 1, 2, 1, 3, 0 }, [3, 2]);
        using var optimizer = options.Create([table, scale, weight, bias], 0);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), tensor(new long[] { 0, 1, 0 }), true, Forward);
        Assert.IsNull(optimizer.Coverage);

        optimizer.Step(batch, 0.1);

        return optimizer.Coverage!.Describe(options.Name);

        Tensor Forward()
        {
            var tape = GradientTape.Current!;
            var rows = tape.Record(table.index_select(0, ids.flatten()).view(3, 2, 3), new EmbeddingUse(table, ids));
            var scaled = tape.Record(rows.mul(scale), new ScaleUse(scale, rows)).mean([1L]);
            return tape.Record(nn.functional.linear(scaled, weight, bias), new LinearWeightUse(weight, scaled), new BiasUse(bias));
        }
    }
}
