using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using TorchSharp.Modules;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static Microsoft.ML.NaturalGradient.Tests.Oracles.NetworkWeights;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Layers of TorchSharp that record by hooks, against one backward pass for each sample.</summary>
[TestClass]
public sealed class NetworkRecorderTests
{
    private const int Samples = 5;
    private const int Classes = 3;
    private const int Words = 7;

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Step_EveryOptimizer_TrainsAsOnLayersOfThisLibrary(string name, object method)
    {
        using var scope = NewDisposeScope();
        var (options, recorded) = ((OptimizerOptions)method, new ToyNetwork());
        using var expected = options.Build(recorded.Parameters, seed: 3);
        using var network = new ToyNetwork().OfTorchSharp();
        using var optimizer = options.CreateFor(network, Classes, seed: 3);

        for (var step = 0; step < 3; step++)
        {
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), recorded.Labels, expected.NeedsPerSampleGradients, recorded.Forward);
            expected.Step(batch, 0.1);
            optimizer.Step(() => network.call(recorded.Inputs), recorded.Labels, 0.1);
        }

        Fixture.AssertClose(recorded.Flat(), Flat(network), 1e-10, 1e-12);
        Assert.AreEqual(options is MeanGradientOptions or HessianFreeOptions or AdamQlrOptions ? null : true, optimizer.UsesRecordedLayers, name);
    }

    [TestMethod]
    public void Step_LayersWithARule_RecordAndAgreeWithSingleSamples()
    {
        using var scope = NewDisposeScope();
        var ids = arange(Samples * 4).mul(3).remainder(Words).view(Samples, 4);
        AssertAgrees(
            true, Fixture.Sine(1, 0.9, 0.4, Samples, 2, 6, 6), ScalarType.Float64,
            () => nn.Conv2d(2, 3, 3, stride: 2, padding: 1), () => nn.Tanh(), () => nn.Flatten(), () => nn.LayerNorm(27), () => nn.Linear(27, Classes));
        AssertAgrees(
            true, ids, ScalarType.Float64,
            () => nn.Embedding(Words, 4), () => nn.LayerNorm(4), () => nn.Linear(4, 2), () => nn.GELU(), () => nn.Flatten(), () => nn.Linear(8, Classes));
        AssertAgrees(true, Fixture.Sine(1, 0.9, 0.4, Samples, 8).to(ScalarType.Float32), ScalarType.Float32, () => nn.Linear(8, 16), () => nn.ReLU(), () => nn.Linear(16, Classes, hasBias: false));
    }

    [TestMethod]
    public void Step_LayersWithoutARule_TakeSingleSamples()
    {
        using var scope = NewDisposeScope();
        AssertAgrees(
            false, Fixture.Sine(1, 0.9, 0.4, Samples, 2, 6, 6), ScalarType.Float64,
            () => nn.Conv2d(2, 4, 3, groups: 2), () => nn.Tanh(), () => nn.Flatten(), () => nn.Linear(64, Classes));
        AssertAgrees(
            false, Fixture.Sine(1, 0.9, 0.4, Samples, 2, 6, 6), ScalarType.Float64,
            () => nn.Conv2d(2, 4, 3, dilation: 2), () => nn.Tanh(), () => nn.Flatten(), () => nn.Linear(16, Classes));
        AssertAgrees(
            false, Fixture.Sine(1, 0.9, 0.4, Samples, 8), ScalarType.Float64,
            () => nn.Linear(8, 6), () => nn.PReLU(1), () => nn.Linear(6, Classes));
    }

    [TestMethod]
    public void Step_SamplesThatInfluenceEachOther_AreNoticed()
    {
        using var scope = NewDisposeScope();
        var rows = Fixture.Sine(1, 0.9, 0.4, Samples, 8);
        // Statistics of the batch between layers whose own rules would be right.
        AssertAgrees(
            false, rows, ScalarType.Float64,
            () => nn.Linear(8, 6), () => nn.BatchNorm1d(6, affine: false, track_running_stats: false), () => nn.Tanh(), () => nn.Linear(6, Classes));
        // As many positions as samples, and the positions first.
        AssertAgrees(
            false, Fixture.Sine(1, 0.9, 0.4, Samples, Samples, 8), ScalarType.Float64,
            () => nn.Linear(8, 6), () => nn.Tanh(), () => new OverPositions(), () => nn.Linear(6, Classes));
    }

    [TestMethod]
    public void Step_ParameterUsedElsewhereToo_IsNoticed()
    {
        using var scope = NewDisposeScope();
        var rows = Fixture.Sine(1, 0.9, 0.4, Samples, Classes);
        AssertAgrees(false, rows, ScalarType.Float64, () => new Reused(tie: false));
        AssertAgrees(true, rows, ScalarType.Float64, () => new Reused(tie: true));
    }

    [TestMethod]
    public void Step_LookUpsWithSpecialGradients_TakeSingleSamples()
    {
        using var scope = NewDisposeScope();
        var ids = arange(Samples * 2).view(Samples, 2);
        foreach (var embedding in new Func<nn.Module<Tensor, Tensor>>[] { () => nn.Embedding(12, 4, padding_idx: 11), () => nn.Embedding(12, 4, scale_grad_by_freq: true) })
        {
            AssertAgrees(false, ids, ScalarType.Float64, embedding, () => nn.Flatten(), () => nn.Linear(8, Classes)); // no id of this batch shows it
        }

        using var shortened = nn.Embedding(3, 4, max_norm: 0.1);
        var before = shortened.weight!.detach().clone();
        using var optimizer = Ief.CreateFor(shortened, Classes);
        Assert.AreEqual(0, shortened.weight!.detach().sub(before).abs().max().item<float>());
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void GradientsOfTheCaller_ThroughEveryCall_StayAsTheyAre(bool ofNetwork)
    {
        using var scope = NewDisposeScope();
        var (ids, labels) = (arange(Samples * 2).remainder(Words).view(Samples, 2), arange(Samples).remainder(Classes));
        using var network = nn.Sequential(("table", nn.Embedding(Words, 4)), ("flat", nn.Flatten()), ("head", nn.Linear(8, Classes)));
        var before = network.named_parameters().ToDictionary(pair => pair.name, pair => zeros_like(pair.parameter).add(3).detach());
        foreach (var (name, parameter) in network.named_parameters().Where(pair => pair.name != "head.bias"))
        {
            parameter.grad = before[name];
        }

        foreach (var options in new OptimizerOptions[] { Ief, Sf, Optimizers.AdamW, Optimizers.HessianFree })
        {
            using var optimizer = ofNetwork ? options.CreateFor(network, Classes) : options.CreateFor(network.parameters(), Classes);
            optimizer.Step(() => network.call(ids), labels);
            optimizer.MeasureQuality(() => network.call(ids), labels);
            Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(() => network.call(ids).mul(double.NaN), labels));
        }

        using var pruner = new PruningOptions().CreateFor(network, Classes);
        pruner.Add(() => network.call(ids), labels);

        foreach (var (name, parameter) in network.named_parameters())
        {
            using var gradient = parameter.grad;
            Assert.AreEqual(name == "head.bias", gradient is null, name);
            Assert.IsTrue(gradient is null || gradient.equal(before[name]).all().item<bool>(), name);
        }
    }

    [TestMethod]
    public void Constructor_Embedding_LeavesItsTableInPlace()
    {
        using var scope = NewDisposeScope();
        using var embedding = nn.Embedding(Words, 4);
        var table = embedding.weight!;
        var before = table.detach().clone();

        using var recorder = new NetworkRecorder(embedding, [table]);

        Assert.IsTrue(ParameterCheck.IsSame(table, embedding.weight!));
        Assert.IsTrue(ParameterCheck.IsSame(table, embedding.parameters().Single()));
        Assert.IsTrue(embedding.weight!.requires_grad);
        Fixture.AssertClose(before, embedding.weight!, 0, 0);
    }

    [TestMethod]
    public void Exemptions_NetworkOfSeveralKinds_NameThoseWithoutFactors()
    {
        using var scope = NewDisposeScope();
        var (ids, labels) = (arange(Samples * 2).remainder(Words).view(Samples, 2), arange(Samples).remainder(Classes));
        using var network = nn.Sequential(("table", nn.Embedding(Words, 4)), ("flat", nn.Flatten()), ("norm", nn.LayerNorm(8)), ("head", nn.Linear(8, Classes)));
        using var kfac = Ekfac.CreateFor(network, Classes);
        using var ofParameters = Ekfac.CreateFor(network.parameters(), Classes);
        using var ief = Ief.CreateFor(network, Classes);
        Assert.IsNull(kfac.Exemptions);

        kfac.Step(() => network.call(ids), labels);
        ofParameters.Step(() => network.call(ids), labels);
        ief.Step(() => network.call(ids), labels);

        Assert.AreEqual("eKFAC trains 3 of 5 parameters (embeddings, scales, biases) by scaled gradient.", kfac.Exemptions);
        Assert.AreEqual("eKFAC trains 5 of 5 parameters (parameters that no layer recorded) by scaled gradient.", ofParameters.Exemptions);
        Assert.IsNull(ief.Exemptions);
    }

    [TestMethod]
    public void Step_FrozenLayer_IsLeftAlone()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();
        var frozen = network.parameters().First();
        frozen.requires_grad = false;
        var (before, toy) = (frozen.detach().clone(), new ToyNetwork());
        using var optimizer = Ief.CreateFor(network, Classes);

        optimizer.Step(() => network.call(toy.Inputs), toy.Labels);

        Assert.IsTrue(optimizer.UsesRecordedLayers);
        Assert.AreEqual(0, frozen.detach().sub(before).abs().max().item<double>());
    }

    [TestMethod]
    public void Step_NetworkWithHooks_LeavesNoTensorsBehind()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();
        var toy = new ToyNetwork();
        using var optimizer = Ief.CreateFor(network, Classes);
        optimizer.Step(() => network.call(toy.Inputs), toy.Labels);
        var before = LiveTensors.Settled();

        optimizer.Step(() => network.call(toy.Inputs), toy.Labels);

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Step_SecondOptimizerOfOneNetwork_RecordsForItself()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();
        using var alone = new ToyNetwork().OfTorchSharp();
        var toy = new ToyNetwork();
        var stateless = Ief with { DampingFloor = 0 };
        using var expected = stateless.CreateFor(alone, Classes);
        using var first = stateless.CreateFor(network, Classes);
        using var second = stateless.CreateFor(network, Classes);
        using var ofParameters = stateless.CreateFor(network.parameters(), Classes);

        foreach (var optimizer in new[] { first, second, ofParameters })
        {
            optimizer.Step(() => network.call(toy.Inputs), toy.Labels);
            expected.Step(() => alone.call(toy.Inputs), toy.Labels);
        }

        Assert.IsTrue(first.UsesRecordedLayers);
        Assert.IsTrue(second.UsesRecordedLayers);
        Assert.IsFalse(ofParameters.UsesRecordedLayers);
        Fixture.AssertClose(Flat(alone), Flat(network), 1e-10, 1e-12);
    }

    [TestMethod]
    public void Dispose_TakesTheHooksOff()
    {
        using var scope = NewDisposeScope();
        using var network = new ToyNetwork().OfTorchSharp();
        var toy = new ToyNetwork();
        var recorder = new NetworkRecorder(network, [.. network.parameters()]);
        Assert.AreNotEqual(0, Recorded());

        recorder.Dispose();

        Assert.AreEqual(0, Recorded());

        long Recorded()
        {
            using var tape = new GradientTape { Recorder = recorder, SampleCount = toy.Labels.shape[0] };
            using (tape.Start())
            {
                network.call(toy.Inputs);
            }

            return tape.ByteCount;
        }
    }

    [TestMethod]
    public void MeasureQuality_NetworkWithHooks_AgreesWithSingleSamples()
    {
        using var scope = NewDisposeScope();
        var toy = new ToyNetwork();
        using var network = toy.OfTorchSharp();
        var slow = Ief.CreateFor(network.parameters(), Classes);
        var expected = slow.MeasureQuality(() => network.call(toy.Inputs), toy.Labels);
        slow.Dispose();
        using var fast = Ief.CreateFor(network, Classes);

        var found = fast.MeasureQuality(() => network.call(toy.Inputs), toy.Labels);

        Assert.IsTrue(fast.UsesRecordedLayers);
        foreach (var (one, other) in expected.Directions.Zip(found.Directions))
        {
            Assert.AreEqual(one.Gamma, other.Gamma, 1e-8 * one.Gamma, one.Method);
        }
    }

    [TestMethod]
    public void CreateForRegression_Network_TrainsAsItsParameters()
    {
        using var scope = NewDisposeScope();
        var (inputs, labels) = (Fixture.Sine(1, 0.9, 0.4, 6, 3), Fixture.Sine(1, 1.7, 0.1, 6));
        using var network = nn.Linear(3, 1, dtype: ScalarType.Float64);
        using var other = nn.Linear(3, 1, dtype: ScalarType.Float64);
        Copy(network, other);
        using var fast = Ief.CreateForRegression(network);
        using var slow = Ief.CreateForRegression(other.parameters());

        fast.Step(() => network.call(inputs), labels);
        slow.Step(() => other.call(inputs), labels);

        Assert.IsTrue(fast.UsesRecordedLayers);
        Assert.IsFalse(slow.UsesRecordedLayers);
        Fixture.AssertClose(Flat(other), Flat(network), 1e-12, 1e-14);
    }

    // Two steps of iEF on the whole network and on the list of its parameters, from the same weights.
    private static void AssertAgrees(bool records, Tensor inputs, ScalarType type, params Func<nn.Module<Tensor, Tensor>>[] layers)
    {
        var labels = arange(inputs.shape[0]).remainder(Classes);
        Sequential Build() => nn.Sequential(layers.Select((layer, index) => ($"layer{index}", layer()))).to(type);
        using var network = Build();
        using var other = Build();
        Copy(network, other);
        using var fast = Ief.CreateFor(network, Classes);
        using var slow = Ief.CreateFor(other.parameters(), Classes);
        for (var step = 0; step < 2; step++)
        {
            fast.Step(() => network.call(inputs), labels);
            slow.Step(() => other.call(inputs), labels);
            Assert.AreEqual(records, fast.UsesRecordedLayers);
            Assert.IsFalse(slow.UsesRecordedLayers);
        }

        var tolerance = type == ScalarType.Float64 ? 1e-8 : 1e-3;
        Fixture.AssertClose(Flat(other), Flat(network), tolerance, tolerance);
    }

    /// <summary>Takes the mean over the first dimension, which makes the second that of the samples.</summary>
    private sealed class OverPositions() : nn.Module<Tensor, Tensor>(nameof(OverPositions))
    {
        public override Tensor forward(Tensor input) => input.mean([0L]);
    }

    /// <summary>A linear layer whose weight is used a second time: by a second layer, or without one.</summary>
    private sealed class Reused : nn.Module<Tensor, Tensor>
    {
        private readonly Linear _first = nn.Linear(Classes, Classes, hasBias: false, dtype: ScalarType.Float64);
        private readonly Linear? _second;

        public Reused(bool tie)
            : base(nameof(Reused))
        {
            if (tie)
            {
                _second = nn.Linear(Classes, Classes, hasBias: false, dtype: ScalarType.Float64);
                _second.weight = _first.weight;
            }

            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            var hidden = _first.call(input).tanh();
            return _second is null ? nn.functional.linear(hidden, _first.weight) : _second.call(hidden);
        }
    }
}
