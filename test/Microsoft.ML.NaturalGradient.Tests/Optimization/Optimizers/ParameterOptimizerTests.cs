using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static Microsoft.ML.NaturalGradient.Tests.Oracles.NetworkWeights;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Training of a network of TorchSharp's own layers, which record nothing.</summary>
[TestClass]
public sealed class ParameterOptimizerTests
{
    private const int Steps = 3;
    private const int Classes = 3;

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.OfAnyNetwork), typeof(EveryOptimizer))]
    public void Step_LayersOfTorchSharp_TrainAsRecordedOnes(string name, object method)
    {
        using var scope = NewDisposeScope();
        var (options, recorded) = ((OptimizerOptions)method, new ToyNetwork());
        using var expected = options.Build(recorded.Parameters, seed: 3);
        using var network = Network();
        using var optimizer = options.CreateFor(network.parameters(), Classes, seed: 3);

        for (var step = 0; step < Steps; step++)
        {
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), recorded.Labels, expected.NeedsPerSampleGradients, recorded.Forward);
            expected.Step(batch, 0.1);
            var report = optimizer.Step(() => network.call(recorded.Inputs), recorded.Labels, 0.1);

            Assert.AreEqual(batch.Losses.mean().item<double>(), report.Loss, 1e-9, name);
            Assert.AreEqual(batch.CountCorrect(), report.Correct);
            Assert.AreEqual(5, report.SampleCount);
            Assert.AreEqual(0.1, report.LearningRate);
        }

        Fixture.AssertClose(recorded.Flat(), Flat(network), 1e-8, 1e-9);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void RestoreState_FromAStream_GoesOnAsWithoutInterruption(string name, object method)
    {
        using var scope = NewDisposeScope();
        var options = (OptimizerOptions)method;
        using var stream = new MemoryStream();
        using var uninterrupted = Network();
        using var optimizer = options.CreateFor(uninterrupted.parameters(), Classes, seed: 1);
        Run(uninterrupted, optimizer);
        optimizer.SaveState(stream);
        using var resumed = Network();
        Copy(uninterrupted, resumed);
        Run(uninterrupted, optimizer);

        using var other = options.CreateFor(resumed.parameters(), Classes, seed: 2);
        stream.Position = 0;
        other.RestoreState(stream);
        Run(resumed, other);

        Assert.AreEqual(0, Flat(resumed).sub(Flat(uninterrupted)).abs().max().item<double>(), name);
        Assert.IsTrue(stream.CanRead);
    }

    [TestMethod]
    public void RestoreState_OfOtherMethodOrNoFile_Throws()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        using var optimizer = Optimizers.AdamW.CreateFor(network.parameters(), Classes);
        using var other = Optimizers.FAdam.CreateFor(network.parameters(), Classes);
        using var stream = new MemoryStream();
        other.SaveState(stream);
        stream.Position = 0;

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => optimizer.RestoreState(stream)).Message, "'FAdam'");
        using var garbage = new MemoryStream([1, 2, 3]);
        Assert.ThrowsExactly<InvalidDataException>(() => optimizer.RestoreState(garbage));
    }

    [TestMethod]
    public void Step_LearnsAndCountsWhatIsRight()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var optimizer = Ief.CreateFor(network.parameters(), Classes);
        StepReport? report = null;
        for (var step = 0; step < 30; step++)
        {
            report = optimizer.Step(() => network.call(toy.Inputs), toy.Labels);
        }

        Assert.AreEqual(5, report!.Correct);
        Fixture.AssertLess(0.2, report.Loss);
        Assert.AreEqual(Classes / 2.0, report.LearningRate);
        Assert.IsGreaterThan(report.SmallestGradientNorm!.Value, report.LargestGradientNorm!.Value);
    }

    [TestMethod]
    public void Step_Regression_FollowsHalfTheSquaredError()
    {
        using var scope = NewDisposeScope();
        var inputs = Fixture.Sine(1, 0.9, 0.4, 6, 3);
        var labels = Fixture.Sine(1, 1.7, 0.1, 6);
        using var network = nn.Linear(3, 1, dtype: ScalarType.Float64);
        using var optimizer = Optimizers.Sgd.CreateForRegression(network.parameters());
        var (weight, bias) = (network.weight.detach().clone(), network.bias!.detach().clone());
        var residuals = inputs.mm(weight.t()).add(bias).squeeze(1).sub(labels);

        var report = optimizer.Step(() => network.call(inputs), labels, 0.1);

        Assert.AreEqual(residuals.square().mean().item<double>() / 2, report.Loss, 1e-12);
        Assert.IsNull(report.Correct);
        Fixture.AssertClose(weight.sub(residuals.unsqueeze(0).mm(inputs).mul(0.1 / 6)), network.weight.detach(), 1e-12, 1e-14);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_NetworkOf16Bits_LearnsAsOneOf32(string name, object method)
    {
        const int manySteps = 30;
        var options = (OptimizerOptions)method;
        if (options is HessianFreeOptions or AdamQlrOptions)
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => Learned(ScalarType.BFloat16)).Message, "Convert the network to Float32");
            return;
        }

        var expected = Learned(ScalarType.Float32);
        Assert.AreEqual(expected, Learned(ScalarType.Float16), 0.02, name);
        Assert.AreEqual(expected, Learned(ScalarType.BFloat16), 0.07, name); // weights of 8 binary digits leave out small steps

        double Learned(ScalarType type)
        {
            using var scope = NewDisposeScope();
            var toy = new ToyNetwork();
            using var network = Network().to(type);
            using var optimizer = options.CreateFor(network, Classes, seed: 1);
            var (inputs, loss) = (toy.Inputs.to(type), double.NaN);
            for (var step = 0; step < manySteps; step++)
            {
                loss = optimizer.Step(() => network.call(inputs), toy.Labels, optimizer.LearningRate / 4).Loss;
            }

            Assert.AreNotEqual(false, optimizer.UsesRecordedLayers);
            return loss;
        }
    }

    [TestMethod]
    public void SaveState_NetworkOf16Bits_HasStateOf32()
    {
        using var scope = NewDisposeScope();
        using var network = Network().to(ScalarType.BFloat16);
        var parameters = network.parameters().ToArray();
        using var adam = Optimizers.AdamW.Create(parameters, seed: 1);
        using var factors = Optimizers.Adafactor.Create(parameters, seed: 1);

        using var state = adam.SaveState();
        using var factored = factors.SaveState();

        Assert.IsTrue(state.Values.Concat(factored.Values).All(part => part.Value.dtype is ScalarType.Float32 or ScalarType.Float64));
    }

    [TestMethod]
    public void Step_MeasuredStepOfNetworkOf16Bits_ThrowsAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network().to(ScalarType.Float16);
        var before = Flat(network);
        using var optimizer = (Ief with { AutomaticStep = new AutomaticStep() }).CreateFor(network, Classes);

        Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(() => network.call(toy.Inputs.to(ScalarType.Float16)), toy.Labels));

        Assert.IsTrue(Flat(network).eq(before).all().item<bool>());
    }

    // Logits of the right class above the others: gradients of 1E-13 to 1E-45, and of exactly zero.
    [TestMethod]
    [DataRow(30, false)]
    [DataRow(46, false)]
    [DataRow(50, false)]
    [DataRow(104, false)]
    [DataRow(800, false)]
    [DataRow(50, true)]
    [DataRow(90, true)]
    [DataRow(104, true)]
    public void Step_RowsThatAreLearnedCompletely_StayNumbers(int gap, bool oneIsWrong)
    {
        foreach (var options in new OptimizerOptions[]
        {
            Ief, Ef, Ef with { Momentum = 0.5 }, Sf, Sf with { Samples = 2 }, Sf with { NormalizeUpdate = false }, Ng, Optimizers.HessianFree, Optimizers.AdamQlr,
            Optimizers.Kfac, Ekfac, Iekfac, Optimizers.AdaFisher,
        })
        {
            using var scope = NewDisposeScope();
            var toy = new ToyNetwork();
            var labels = zeros_like(toy.Labels);
            labels.narrow(0, 0, 1).fill_(oneIsWrong ? 1 : 0);
            using var network = Network().to(ScalarType.Float32);
            using (no_grad())
            {
                ((Linear)network[2]).bias!.copy_(tensor(new float[] { gap, 0, 0 }));
            }

            var before = Flat(network);
            using var optimizer = options.CreateFor(network, Classes, seed: 1);

            optimizer.Step(() => network.call(toy.Inputs.to(ScalarType.Float32)), labels, 0.01);

            var length = Flat(network).sub(before).to(ScalarType.Float64).norm().item<double>();
            Assert.IsTrue(double.IsFinite(length), $"{options}");
            if ((gap <= 46 && options is EfOptions { Momentum: 0 }) || (gap <= 30 && options is SfOptions { NormalizeUpdate: true }))
            {
                Assert.AreEqual(0.01, length, 1e-4, $"{options}"); // of unit length, times the rate
            }
        }
    }

    [TestMethod]
    public void Step_BatchThatDoesNotFit_SaysWhatIsWrongAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var optimizer = Ief.CreateFor(network.parameters(), Classes);
        var before = Flat(network);
        void Rejects(Func<Tensor> forward, Tensor labels, string words) => StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => optimizer.Step(forward, labels)).Message, words);
        Tensor Logits() => network.call(toy.Inputs);

        Rejects(Logits, toy.Labels.unsqueeze(1), "[5, 1]");
        Rejects(Logits, toy.Labels.to(ScalarType.Int32), "Int32");
        Rejects(Logits, toy.Labels.add(1), "1 to 3");
        Rejects(Logits, toy.Labels.sub(101), "-101");
        Rejects(Logits, toy.Labels[..4], "[4, 3]");
        Rejects(() => Logits()[TensorIndex.Colon, ..2], toy.Labels, "[5, 2]");
        Rejects(() => Logits().sum(), toy.Labels, "[]");
        Rejects(() => Logits().detach(), toy.Labels, "grad mode");
        Rejects(() => null!, toy.Labels, "null");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => optimizer.Step(Logits, toy.Labels, double.NaN));
        StringAssert.Contains(
            Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(() => Logits().mul(double.NaN), toy.Labels)).Message, "NaN");

        Assert.AreEqual(0, Flat(network).sub(before).abs().max().item<double>());
    }

    // Divided by 1 − β they are more than float32 holds.
    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_LargestLearningRate_EndsWithALossThatIsNoNumber(string name, object method)
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network().to(ScalarType.Float32);
        using var optimizer = ((OptimizerOptions)method).CreateFor(network, Classes, seed: 1);
        try
        {
            for (var step = 0; step < 2; step++)
            {
                optimizer.Step(() => network.call(toy.Inputs.to(ScalarType.Float32)), toy.Labels, 3e38);
            }
        }
        catch (InvalidOperationException e)
        {
            StringAssert.Contains(e.Message, "Lower the learning rate", name);
        }
    }

    [TestMethod]
    public void Step_GradientsLeftByTheCaller_AreNotAdded()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = Network();
        using var clean = Network();
        network.call(toy.Inputs).sum().backward();
        using var optimizer = Optimizers.Sgd.CreateFor(network.parameters(), Classes);
        using var other = Optimizers.Sgd.CreateFor(clean.parameters(), Classes);

        optimizer.Step(() => network.call(toy.Inputs), toy.Labels);
        other.Step(() => clean.call(toy.Inputs), toy.Labels);

        Fixture.AssertClose(Flat(clean), Flat(network), 1e-14, 1e-16);
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.OfAnyNetwork), typeof(EveryOptimizer))]
    public void Step_LeavesNoTensorsBehind(string name, object method)
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var toy = new ToyNetwork();
        using var optimizer = ((OptimizerOptions)method).CreateFor(network.parameters(), Classes);
        optimizer.Step(() => network.call(toy.Inputs), toy.Labels, 0.1);
        var before = LiveTensors.Settled();

        optimizer.Step(() => network.call(toy.Inputs), toy.Labels, 0.1);

        Assert.AreEqual(before, Tensor.TotalCount, name);
    }

    [TestMethod]
    public void Step_AfterDispose_Throws()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var optimizer = Ief.CreateFor(network.parameters(), Classes);
        optimizer.Dispose();
        optimizer.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => optimizer.Step(() => zeros(1, 3), zeros(1, dtype: ScalarType.Int64)));
    }

    private static void Run(nn.Module<Tensor, Tensor> network, ParameterOptimizer optimizer)
    {
        var toy = new ToyNetwork();
        for (var step = 0; step < Steps; step++)
        {
            optimizer.Step(() => network.call(toy.Inputs), toy.Labels, 0.1);
        }
    }

    private static Sequential Network() => new ToyNetwork().OfTorchSharp();
}
