using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class OptimizerStateTests
{
    private const int Steps = 3;

    /// <summary>Every optimizer that <see cref="Optimizers"/> lists, and variants that keep more state.</summary>
    public static IEnumerable<object[]> All => EveryOptimizer.All.Select(row => ((string)row[0], (OptimizerOptions)row[1]))
        .Append(("Sgd with momentum", Optimizers.Sgd with { Momentum = 0.9 }))
        .Append(("Ief with momentum", Optimizers.Ief with { Momentum = 0.5 }))
        .Append(("Ef with momentum", Optimizers.Ef with { Momentum = 0.5 }))
        .Append(("Ief with automatic step", Optimizers.Ief with { AutomaticStep = new AutomaticStep { Every = 2 } }))
        .Append(("Adafactor with momentum", Optimizers.Adafactor with { Beta1 = 0.9 }))
        .Append(("SirfShampoo with diagonal factors", Optimizers.SirfShampoo with { LargestDenseAxis = 3, FactorInterval = 2 }))
        .Append(("ieKFAC with momentum, exact damping", Optimizers.Iekfac with { Momentum = 0.9, DampingForm = KroneckerDamping.Exact, InverseInterval = 2 }))
        .Append(("AdaFisher Reference", Optimizers.AdaFisher with { Variant = AdaFisherVariant.Reference, FactorInterval = 2 }))
        .Select(pair => new object[] { pair.Item1, pair.Item2 });

    [TestMethod]
    [DynamicData(nameof(All))]
    public void RestoreState_AfterSomeSteps_GoesOnAsWithoutInterruption(string name, object options)
    {
        var (uninterrupted, state, weights) = (new ToyNetwork(), (OptimizerState?)null, (Tensor?)null);
        using var scope = NewDisposeScope();
        using (var optimizer = ((OptimizerOptions)options).Create(uninterrupted.Parameters, seed: 1))
        {
            Run(uninterrupted, optimizer);
            state = optimizer.SaveState();
            weights = uninterrupted.Flat();
            Run(uninterrupted, optimizer);
        }

        var resumed = new ToyNetwork();
        Set(resumed, weights);
        using var other = ((OptimizerOptions)options).Create(resumed.Parameters, seed: 2);
        other.RestoreState(state);
        Run(resumed, other);

        Assert.AreEqual(0, resumed.Flat().sub(uninterrupted.Flat()).abs().max().item<double>(), name);
        Assert.AreNotEqual(0, uninterrupted.Flat().sub(weights).abs().max().item<double>(), name);
        state.Dispose();
    }

    // Layers that record themselves may round differently, so a step after a restored state records where it would have without.
    [TestMethod]
    [DynamicData(nameof(All))]
    public void RestoreState_EncoderWithNormsThatAreTrained_GoesOnToEqualBits(string name, object options)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("bert");
        using var inputs = fixture.Inputs();
        var labels = fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        using var uninterrupted = Classifier();
        using var resumed = Classifier();
        using var optimizer = ((OptimizerOptions)options).Create(Trained(uninterrupted), seed: 1);
        using var other = ((OptimizerOptions)options).Create(Trained(resumed), seed: 2);
        RunSteps(uninterrupted, optimizer, Steps);
        using var state = optimizer.SaveState();
        using (no_grad())
        {
            foreach (var (source, target) in Trained(uninterrupted).Zip(Trained(resumed)))
            {
                target.copy_(source);
            }
        }

        other.RestoreState(state);
        RunSteps(uninterrupted, optimizer, 2);
        RunSteps(resumed, other, 2);

        Assert.IsTrue(Trained(uninterrupted).Zip(Trained(resumed)).All(pair => pair.First.eq(pair.Second).all().item<bool>()), name);

        TextClassifier Classifier()
        {
            var classifier = fixture.CreateClassifier(Adapters.Full);
            _ = classifier.to(ScalarType.Float32);
            return classifier;
        }

        static Parameter[] Trained(TextClassifier classifier) => [.. classifier.TrainableParameters.Select(named => named.Value)];

        void RunSteps(TextClassifier classifier, Optimizer steps, int count)
        {
            for (var step = 0; step < count; step++)
            {
                using var stepScope = NewDisposeScope();
                using var padded = PackedRows.Forbid(steps.ReadsLayerInputs);
                using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, steps.NeedsPerSampleGradients, () => classifier.Forward(inputs));
                steps.Step(batch, 0.01);
            }
        }
    }

    [TestMethod]
    public void RestoreState_OfOtherMethod_ThrowsAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var adam = Optimizers.AdamW.Create(network.Parameters, seed: 1);
        using var sgd = (Optimizers.Sgd with { Momentum = 0.9 }).Create(network.Parameters, seed: 1);
        using var state = sgd.SaveState();

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => adam.RestoreState(state));

        StringAssert.Contains(exception.Message, "mean.0");
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void SaveState_RestoredAndNotUsedYet_KeepsEveryPart(string name, object options)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = ((OptimizerOptions)options).Create(network.Parameters, seed: 1);
        Run(network, optimizer);
        using var state = optimizer.SaveState();
        using var other = ((OptimizerOptions)options).Create(network.Parameters, seed: 2);
        other.RestoreState(state);

        using var again = other.SaveState();

        CollectionAssert.AreEquivalent(state.Values.Keys.ToArray(), again.Values.Keys.ToArray(), name);
        foreach (var (part, value) in state.Values)
        {
            Assert.IsTrue(value.equal(again.Values[part]).all().item<bool>(), $"{name}, {part}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void RestoreState_UnknownPart_ThrowsBeforeOrInTheFirstStep(string name, object options)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = ((OptimizerOptions)options).Create(network.Parameters, seed: 1);
        Run(network, optimizer);
        using var state = optimizer.SaveState();
        using var fresh = ((OptimizerOptions)options).Create(network.Parameters, seed: 1);
        foreach (var unknown in new[] { "other", "input.7" })
        {
            var more = new OptimizerState(new Dictionary<string, Tensor>(state.Values) { [unknown] = zeros(2) });

            var refused = Assert.ThrowsExactly<InvalidDataException>(() => optimizer.RestoreState(more), name);
            var late = Assert.ThrowsExactly<InvalidDataException>(() =>
            {
                fresh.RestoreState(more);
                Run(network, fresh);
            }, name);

            StringAssert.Contains(refused.Message, $"'{unknown}'");
            StringAssert.Contains(late.Message, $"'{unknown}'");
        }
    }

    [TestMethod]
    public void RestoreState_PartOfALaterFactorMissing_ThrowsInTheFirstStep()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = Optimizers.Kfac.Create(network.Parameters, seed: 1);
        Run(network, optimizer);
        using var state = optimizer.SaveState();
        var less = new OptimizerState(state.Values.Where(part => part.Key != "error.2").ToDictionary());
        using var fresh = Optimizers.Kfac.Create(network.Parameters, seed: 1);
        fresh.RestoreState(less);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Run(network, fresh));

        StringAssert.Contains(exception.Message, "'error.2'");
    }

    private static void Run(ToyNetwork network, Optimizer optimizer)
    {
        for (var step = 0; step < Steps; step++)
        {
            using var scope = NewDisposeScope();
            using var evaluation = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(), network.Labels, optimizer.NeedsPerSampleGradients, network.Forward);
            optimizer.Step(evaluation, 0.1);
        }
    }

    private static void Set(ToyNetwork network, Tensor flat)
    {
        using var noGrad = no_grad();
        var start = 0L;
        foreach (var parameter in network.Parameters)
        {
            parameter.copy_(flat.narrow(0, start, parameter.numel()).view_as(parameter));
            start += parameter.numel();
        }
    }
}
