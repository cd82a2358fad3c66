using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class AdaFisherTests
{
    private static readonly ScalarType Double = ScalarType.Float64;

    [TestMethod]
    public void Step_Ema_FollowsOracleOnToyNetwork()
    {
        using var scope = NewDisposeScope();
        const double rate = 0.05, decay = 0.01;
        var network = new ToyNetwork();
        using var optimizer = (Optimizers.AdaFisher with { FactorInterval = 1, WeightDecay = decay }).Create(network.Parameters, 0);
        NaiveAdaFisher[] layers = [new(0.92, 0.9, 0.1), new(0.92, 0.9, 0.1)];

        for (var step = 0; step < 4; step++)
        {
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
            var (inputs, errors) = InputsAndErrors(network, batch);
            var before = Joined(network);
            var expected = layers.Select((layer, l) => From(layer.Step(inputs[l].ToArray2(), errors[l].ToArray2(), before[l].ToArray2(), decay))).ToList();

            optimizer.Step(batch, rate);

            var after = Joined(network);
            for (var l = 0; l < 2; l++)
            {
                Fixture.AssertClose(before[l].sub(expected[l].mul(rate)), after[l], 1e-9, 1e-11);
            }
        }
    }

    [TestMethod]
    public void Step_LossScaledDown_EmaKeepsCurvatureOfSmallErrors()
    {
        // The absolute floor of the released code takes the curvature of small errors for none; a relative one does not.
        AssertLargestErrorFactor(Optimizers.AdaFisher, 1);
        AssertLargestErrorFactor(Optimizers.AdaFisher with { Variant = AdaFisherVariant.Reference }, 0.08);
    }

    [TestMethod]
    public void Direction_ScaleAndShift_AreDividedByTheirOwnMeanSquares()
    {
        using var scope = NewDisposeScope();
        var (scale, shift) = (nn.Parameter(ones(3, Double)), nn.Parameter(zeros(3, Double)));
        var (rows, labels) = (Fixture.Sine(1, 0.7, 0.1, 4, 3), tensor(new long[] { 0, 1, 2, 0 }));
        using var optimizer = Optimizers.AdaFisher.Create([scale, shift], 0);
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () =>
            GradientTape.Current!.Record(rows.mul(scale).add(shift), new ScaleUse(scale, rows), new BiasUse(shift)));
        var errors = batch.LogitGradients.div(4);

        var direction = ((IUpdateDirection)optimizer).Direction(batch);

        Fixture.AssertClose(Divided(errors.mul(rows)), direction[scale]);
        Fixture.AssertClose(Divided(errors), direction[shift]);

        Tensor Divided(Tensor gradients)
        {
            var squares = gradients.square().mean([0L]);
            var floor = squares.max().mul(1e-6);
            var normalised = squares.sub(squares.min()).add(floor).div(squares.max().sub(squares.min()).add(floor));
            return gradients.sum(0L).div(normalised.add(0.1));
        }
    }

    [TestMethod]
    public void NeedsPerSampleGradients_BetweenUpdates_IsFalse()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Optimizers.AdaFisher with { FactorInterval = 3 }).Create(network.Parameters, 0);

        var needed = Enumerable.Range(0, 5).Select(_ =>
        {
            var needs = optimizer.NeedsPerSampleGradients;
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, needs, network.Forward);
            optimizer.Step(batch, 0.1);
            return needs;
        }).ToList();

        CollectionAssert.AreEqual(new[] { true, false, false, true, false }, needed);
    }

    [TestMethod]
    public void Step_Repeated_LeavesNoTensors()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Optimizers.AdaFisher with { FactorInterval = 1 }).Create(network.Parameters, 3);
        Step(network, optimizer);
        var before = LiveTensors.Settled();

        Step(network, optimizer);

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    private static void Step(ToyNetwork network, Optimizer optimizer)
    {
        using var scope = NewDisposeScope();
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), network.Labels, true, network.Forward);
        optimizer.Step(batch, 0.1);
    }

    private static void AssertLargestErrorFactor(AdaFisherOptions options, double expected)
    {
        using var scope = NewDisposeScope();
        var weight = nn.Parameter(zeros(2, 3, Double));
        using var captured = new CapturedGradients([(new LinearWeightUse(weight, Fixture.Sine(1, 0.7, 0.3, 4, 3)), Fixture.Sine(1e-7, 1.1, 0.2, 4, 2))]);
        var source = AdaFisherSource.Find(captured).Single();
        var block = new AdaFisherBlock(source, ParameterSet.Of([.. source.Parameters]), options, (_, value) => value);

        using var once = new RowWeights(null, 4, CPU);
        block.Add(source, once);
        block.Update();

        var largest = block.ErrorFactors[0].max().item<double>() / (options.IsReference ? 1 : 1 - options.ResolvedFactorDecay);
        Assert.AreEqual(expected, largest, 1e-9);
    }

    private static (Tensor[] Inputs, Tensor[] Errors) InputsAndErrors(ToyNetwork network, BatchEvaluation batch)
    {
        using var noGrad = no_grad();
        var hidden = tanh(nn.functional.linear(network.Inputs, network.Parameters[0], network.Parameters[1]));
        var output = batch.LogitGradients.div(batch.SampleCount);
        var first = output.mm(network.Parameters[2]).mul(hidden.square().neg().add(1));
        return ([WithOne(network.Inputs), WithOne(hidden)], [first, output]);
    }

    private static Tensor[] Joined(ToyNetwork network) =>
    [
        cat([network.Parameters[0].detach(), network.Parameters[1].detach().unsqueeze(1)], 1),
        cat([network.Parameters[2].detach(), network.Parameters[3].detach().unsqueeze(1)], 1),
    ];

    private static Tensor WithOne(Tensor rows) => cat([rows, ones(rows.shape[0], 1, dtype: Double)], 1);

    private static Tensor From(double[,] values) => tensor(values.Cast<double>().ToArray(), [values.GetLength(0), values.GetLength(1)], dtype: Double);
}
