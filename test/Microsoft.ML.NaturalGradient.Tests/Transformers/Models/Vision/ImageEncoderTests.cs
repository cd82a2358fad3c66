using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>Every image architecture against the reference implementation, in float64 and from its files.</summary>
[TestClass]
public sealed class ImageEncoderTests
{
    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void HiddenStates_ReferenceCheckpoint_EqualReference(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.Inputs();

        var states = classifier.Encoder.HiddenStates(inputs);

        Fixture.AssertClose(fixture.Reference.GetProperty("hidden_states").ToTensor(), stack([.. states]), 1e-9, 1e-9);
        Fixture.AssertClose(fixture.Reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9);
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Forward_LargerPictures_EqualReference(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.LargerInputs();

        var logits = classifier.Forward(inputs);

        Fixture.AssertClose(fixture.Reference.GetProperty("other_size").GetProperty("logits").ToTensor(), logits, 1e-9);
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Capture_AllParametersTrainable_LossesAndGradientNormsEqualReference(string name)
    {
        using var scope = NewDisposeScope();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier(new FullFineTuningOptions());
        using var inputs = fixture.Inputs();
        using var batch = fixture.Evaluate(classifier, inputs);

        using var captured = batch.Capture(batch.LogitGradients);

        Fixture.AssertClose(fixture.Reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        var sums = captured.Combine(ones(inputs.SampleCount, dtype: ScalarType.Float64));
        var norms = fixture.Reference.GetProperty("gradient_norms").EnumerateObject().ToDictionary(norm => norm.Name, norm => norm.Value.GetDouble());
        CollectionAssert.AreEquivalent(norms.Keys, classifier.TrainableParameters.Select(parameter => parameter.Name).ToArray());
        foreach (var (parameter, value) in classifier.TrainableParameters)
        {
            // A key's bias has no influence, so that its gradient is rounding.
            Assert.AreEqual(norms[parameter], sums[value].norm().item<double>(), (1e-9 * norms[parameter]) + 1e-10, parameter);
        }
    }

    [TestMethod]
    [DataRow("vit", true, "as trained")]
    [DataRow("vit", true, "larger")]
    [DataRow("vit", true, "oblong")]
    [DataRow("vit", false, "as trained")]
    [DataRow("deit", true, "as trained")]
    [DataRow("deit", true, "larger")]
    [DataRow("deit", true, "oblong")]
    [DataRow("deit", false, "larger")]
    [DataRow("dinov2", true, "as trained")]
    [DataRow("dinov2", true, "larger")]
    [DataRow("dinov2", true, "oblong")]
    [DataRow("dinov2", false, "oblong")]
    public void Capture_AllOrAdapter_EqualsOneSampleAtATime(string name, bool all, string size)
    {
        using var scope = NewDisposeScope();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier(all ? new FullFineTuningOptions() : null);
        EncoderFixture.Perturb(classifier);
        using var inputs = size == "larger" ? fixture.LargerInputs() : size == "oblong" ? fixture.OblongInputs() : fixture.Inputs();

        AssertCaptured(fixture, classifier, inputs);
    }

    [TestMethod]
    public void Capture_GatedFeedForward_EqualsOneSampleAtATime()
    {
        using var scope = NewDisposeScope();
        var fixture = new ImageFixture("dinov2");
        using var classifier = fixture.CreateRandom(("use_swiglu_ffn", true));
        using var inputs = fixture.Inputs();

        AssertCaptured(fixture, classifier, inputs);
    }

    [TestMethod]
    public void Forward_GatedFeedForward_GatesBySilu()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = new ImageFixture("dinov2").CreateRandom(("use_swiglu_ffn", true), ("mlp_ratio", 3));
        var layer = (nn.Module<Tensor, Tensor>)classifier.Encoder.named_modules().Single(named => named.name == "encoder.layer.1.mlp").module;
        var weights = layer.named_parameters().ToDictionary(named => named.name, named => named.parameter.detach());
        var input = Fixture.Sine(1, 0.7, 0.2, 2, 24);

        var output = layer.call(input);

        // 3 · 24 · 2/3 = 48
        CollectionAssert.AreEqual(new long[] { 96, 24 }, weights["weights_in.weight"].shape);
        var inner = input.mm(weights["weights_in.weight"].t()).add(weights["weights_in.bias"]);
        var gate = inner[.., ..48];
        var gated = gate.mul(gate.neg().exp().add(1).reciprocal()).mul(inner[.., 48..]);
        Fixture.AssertClose(gated.mm(weights["weights_out.weight"].t()).add(weights["weights_out.bias"]), output, 1e-12);
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Forward_Batch_EqualsOnePictureAtATime(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.OblongInputs();
        var together = classifier.Forward(inputs);

        for (var n = 0; n < inputs.SampleCount; n++)
        {
            Fixture.AssertClose(together.narrow(0, n, 1), classifier.Forward(ImageFixture.Row(inputs, n)), 1e-10);
        }
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Pool_Batch_LeavesNothingButItsResult(string name)
    {
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var inputs = fixture.LargerInputs();
        var before = LiveTensors.Settled();

        using (NewDisposeScope())
        {
            _ = classifier.Encoder.Pool(inputs);
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    public void Capture_ResizedPositions_LeavesNothing()
    {
        var fixture = new ImageFixture("deit");
        using var classifier = fixture.CreateClassifier(new FullFineTuningOptions());
        using var inputs = fixture.LargerInputs();
        var before = LiveTensors.Settled();

        using (NewDisposeScope())
        {
            using var batch = fixture.Evaluate(classifier, inputs);
            using var captured = batch.Capture(batch.LogitGradients);
            _ = captured.Gram();
        }

        Assert.AreEqual(before, Tensor.TotalCount);
    }

    [TestMethod]
    [DataRow(20, 24, "24 × 20 pixels", "for example 24 × 24")]
    [DataRow(24, 27, "27 × 24 pixels", "for example 24 × 24")]
    [DataRow(3, 3, "3 × 3 pixels", "for example 8 × 8")]
    [DataRow(0, 0, "0 × 0 pixels", "for example 8 × 8")]
    public void Encode_SizeNoMultipleOfPatch_NamesSizeAndPatch(int height, int width, string size, string advice)
    {
        using var scope = NewDisposeScope();
        using var classifier = new ImageFixture("vit").CreateClassifier();
        using var inputs = new PixelBatch(zeros(1, 3, height, width, ScalarType.Float64));

        var exception = Assert.ThrowsExactly<ArgumentException>(() => classifier.Encoder.Encode(inputs));

        StringAssert.Contains(exception.Message, size);
        StringAssert.Contains(exception.Message, "patches of 8 × 8");
        StringAssert.Contains(exception.Message, advice);
    }

    [TestMethod]
    public void Encode_GreyPictures_SaysWhatIsExpected()
    {
        using var scope = NewDisposeScope();
        using var classifier = new ImageFixture("dinov2").CreateClassifier();
        using var inputs = new PixelBatch(zeros(2, 1, 24, 24, ScalarType.Float64));

        var exception = Assert.ThrowsExactly<ArgumentException>(() => classifier.Encoder.Encode(inputs));

        StringAssert.Contains(exception.Message, "shape [2, 1, 24, 24]; expected [N, 3, height, width]");
    }

    private static void AssertCaptured(ImageFixture fixture, ImageClassifier classifier, PixelBatch inputs)
    {
        using var batch = fixture.Evaluate(classifier, inputs);
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var parameters = captured.Parameters.ToArray();

        var rows = PerSampleOracle.Rows(n => classifier.Forward(ImageFixture.Row(inputs, n)), batch.LogitGradients, parameters); // [N, P]

        CollectionAssert.AreEquivalent(
            classifier.TrainableParameters.Select(named => named.Value.Handle).ToArray(), parameters.Select(parameter => parameter.Handle).ToArray());
        Fixture.AssertClose(rows, captured.Rows(), 1e-9, 1e-12);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10, 1e-12);
        var weights = Fixture.Sine(1, 0.9, 0.2, rows.shape[0]);
        var combined = captured.Combine(weights);
        Fixture.AssertClose(rows.t().mv(weights), cat([.. parameters.Select(parameter => combined[parameter].flatten())]), 1e-9, 1e-12);
        var direction = parameters.Select((parameter, i) => Fixture.Sine(1, 0.7, i, parameter.shape)).ToArray();
        var dot = captured.Dot(new ParameterVector(parameters, direction));
        Fixture.AssertClose(rows.mv(cat([.. direction.Select(part => part.flatten())])), dot, 1e-9, 1e-12);
        var means = batch.MeanGradient(parameters);
        Fixture.AssertClose(rows.mean([0L]), cat([.. means.Select(gradient => gradient.flatten())]), 1e-9, 1e-12);
    }
}
