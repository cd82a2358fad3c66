using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Exported text encoders give the network's answers in ONNX Runtime, with every kind of adapter.</summary>
[TestClass]
public sealed class OnnxTextParityTests
{
    private const int Longest = 60; // tokens; past all buckets and windows of the tiny encoders

    private static readonly Dictionary<string, AdapterOptions> Kinds = new()
    {
        ["LoRA"] = new LoraOptions { Rank = 4, Alpha = 8 },
        ["DoRA"] = new LoraOptions { Rank = 2, Alpha = 8, UseDoRA = true, UseRsLoRA = true },
        ["all layers"] = new LoraOptions { Rank = 2, Alpha = 8, TargetModules = [LoraOptions.AllLinearName] },
        ["biases"] = new BiasOnlyOptions(),
        ["head"] = new HeadOnlyOptions(),
        ["full"] = new FullFineTuningOptions(),
        ["prompt"] = new PromptTuningOptions { TokenCount = 3, Initialization = PromptInitialization.Random },
    };

    public static IEnumerable<object[]> Rows => EncoderFixture.OfTexts.SelectMany(encoder => Kinds.Keys.Select(kind => new[] { encoder[0], kind }))
        .Where(row => row is not ["modernbert", "biases"]); // it has none

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void Run_EncoderWithAdapter_GivesTheNetworksProbabilities(string name, string kind)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = Changed(fixture.CreateClassifier(Kinds[kind]));
        var batch = fixture.Inputs();

        using var run = OnnxRun.Of(classifier);

        OnnxRun.AssertSameProbabilities(classifier.Outputs(batch), run.Run(batch));
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Run_BatchesOfAnySizeAndLength_GiveTheNetworksProbabilities(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = Changed(new EncoderFixture(name).CreateClassifier());
        using var run = OnnxRun.Of(classifier);
        var most = Math.Min(Longest, classifier.Encoder.MaxTokens);

        foreach (var (lengths, width) in new[] { (new[] { 1 }, 1), ([2], 9), ([most], most), ([most, 3, 17], most), ([5, 5, 2, 7, 7, 1, 4], 7) })
        {
            var batch = Batch(lengths.Select(length => Math.Min(length, most)).ToArray(), Math.Min(width, most));

            OnnxRun.AssertSameProbabilities(classifier.Outputs(batch), run.Run(batch));
        }
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Run_OperatorsOfVersion12_GivesTheNetworksProbabilities(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = Changed(new EncoderFixture(name).CreateClassifier());
        using var run = OnnxRun.Of(classifier, operators: 12);
        var batch = Batch([5, 2, 7], 9);

        Assert.AreEqual(12, run.File.OpsetImport.Single().Version);
        OnnxRun.AssertSameProbabilities(classifier.Outputs(batch), run.Run(batch));
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Run_MorePadding_ChangesNothing(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = Changed(new EncoderFixture(name).CreateClassifier());
        using var run = OnnxRun.Of(classifier);
        int[] lengths = [3, 6];

        OnnxRun.AssertSameProbabilities(run.Run(Batch(lengths, 6)), run.Run(Batch(lengths, 16)), 1e-6);
    }

    [TestMethod]
    [DynamicData(nameof(PeftReferenceTests.Names), typeof(PeftReferenceTests))]
    public void Run_ReferenceAdapter_GivesTheReferencesProbabilities(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = PeftFixture.Reference(name);
        using var classifier = PeftFixture.Create(name);

        using var run = OnnxRun.Of(classifier);

        OnnxRun.AssertSameProbabilities(reference.GetProperty("logits").ToTensor(), run.Run(BertFixture.Inputs(reference.GetProperty("inputs"))));
    }

    [TestMethod]
    public void Of_AdapterMerged_ModelStaysAsItIs()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("bert");
        using var classifier = Changed(fixture.CreateClassifier(Kinds["DoRA"]));
        var before = classifier.parameters().Select(parameter => parameter.clone()).ToArray();
        var outputs = classifier.Outputs(fixture.Inputs());

        using var run = OnnxRun.Of(classifier);

        Assert.IsTrue(classifier.parameters().Zip(before).All(pair => Same(pair.First, pair.Second)));
        Assert.IsTrue(Same(outputs, classifier.Outputs(fixture.Inputs())));
        Assert.IsFalse(run.File.Graph.Initializer.Any(initializer => initializer.Name.Contains("lora", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("bert", true)]
    [DataRow("roberta", false)]
    [DataRow("distilbert", false)]
    public void Inputs_TokenTypes_AreThereWhereTheyAreRead(string name, bool expected)
    {
        using var classifier = new EncoderFixture(name).CreateClassifier();
        using var run = OnnxRun.Of(classifier);

        CollectionAssert.AreEqual(expected ? ["input_ids", "attention_mask", "token_type_ids"] : new[] { "input_ids", "attention_mask" }, run.Inputs.ToArray());
    }

    [TestMethod]
    public void Run_WeightsInAFileBesideIt_AreTheSame()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("bert");
        using var classifier = Changed(fixture.CreateClassifier());

        using var run = OnnxRun.Of(classifier, largest: 0);
        using var whole = OnnxRun.Of(classifier);

        Assert.IsTrue(Same(whole.Run(fixture.Inputs()), run.Run(fixture.Inputs())));
        var outside = run.File.Graph.Initializer.Where(initializer => initializer.DataLocation == OnnxMessages.TensorProto.Types.DataLocation.External).ToArray();
        Assert.IsNotEmpty(outside);
        foreach (var place in outside.Select(initializer => initializer.ExternalData.ToDictionary(entry => entry.Key, entry => entry.Value)))
        {
            Assert.AreEqual("model.onnx_data", place["location"]);
            Assert.AreEqual(0, long.Parse(place["offset"], System.Globalization.CultureInfo.InvariantCulture) % 4096);
        }
    }

    private static bool Same(Tensor left, Tensor right) => left.eq(right).all().item<bool>();

    // Adapters and heads start at nothing, or nearly so.
    private static TextClassifier Changed(TextClassifier classifier)
    {
        using var generator = new Generator(5);
        foreach (var (_, value) in classifier.TrainableParameters)
        {
            value.add_(empty(value.shape, value.dtype).normal_(0, 0.2, generator));
        }

        return classifier;
    }

    private static TokenBatch Batch(int[] lengths, int width)
    {
        using var generator = new Generator(3);
        var ids = randint(5, 60, [lengths.Length, Longest], dtype: ScalarType.Int64, generator: generator).narrow(1, 0, width);
        var lengthOf = tensor(lengths.Select(length => (long)length).ToArray()).unsqueeze(1); // [N, 1]
        var positions = arange(width, dtype: ScalarType.Int64).unsqueeze(0);
        var mask = positions.lt(lengthOf).to(ScalarType.Int64);
        var typeIds = positions.mul(tensor(2L)).ge(lengthOf).to(ScalarType.Int64).mul(mask);
        return new TokenBatch(ids.mul(mask).add(ones_like(mask).sub(mask)), mask, typeIds, isPadded: lengths.Any(length => length < width));
    }
}
