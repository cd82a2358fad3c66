using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Which tensors of a checkpoint are taken: names, heads, leftovers.</summary>
[TestClass]
public sealed class TextCheckpointTests
{
    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void HeadWeights_OtherClassCount_KeepAllButTheLastLayer(string name)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(name);
        using var same = fixture.CreateClassifier();
        using var other = fixture.CreateClassifier(classCount: 5);
        var output = same.Encoder.Head.Output;
        var expected = Head(same);
        var actual = Head(other);

        CollectionAssert.AreEquivalent(expected.Keys, actual.Keys);
        foreach (var (parameter, value) in actual.Where(pair => !pair.Key.StartsWith(output + ".", StringComparison.Ordinal)))
        {
            Assert.IsTrue(value.eq(expected[parameter]).all().item<bool>(), parameter);
        }

        Assert.AreEqual(5, actual[output + ".weight"].shape[0]);
        Assert.AreEqual(0.02, actual[output + ".weight"].std().item<double>(), 0.01);
        Assert.AreEqual(0, actual[output + ".bias"].abs().max().item<double>());
    }

    [TestMethod]
    [DataRow("bert", "BertForMaskedLM")]
    [DataRow("roberta", "RobertaForMaskedLM")]
    [DataRow("electra", "ElectraForPreTraining")]
    [DataRow("distilbert", "DistilBertModel")]
    [DataRow("deberta-v2", "DebertaV2Model")]
    [DataRow("modernbert", "ModernBertForMaskedLM")]
    [DataRow("mpnet", "MPNetForMaskedLM")]
    public void Load_WithoutClassificationHead_PoolsTheMeanForALinearHead(string name, string architecture)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier(changes: ("architectures", new[] { architecture }));
        using var inputs = fixture.Inputs();

        Fixture.AssertClose(Pooling.Mean(classifier.Encoder.Encode(inputs), inputs.Mask), classifier.Encoder.Pool(inputs), 0, 0);
        var head = Head(classifier);
        CollectionAssert.AreEquivalent(new[] { "mean_classifier.weight", "mean_classifier.bias" }, head.Keys.ToArray());
        Fixture.AssertLess(0.1, head["mean_classifier.weight"].abs().max().item<double>()); // fresh, not the checkpoint's
    }

    [TestMethod]
    [DataRow("xlm-roberta", "XLMRobertaForSequenceClassification")]
    [DataRow("camembert", "CamembertForSequenceClassification")]
    public void Load_RobertaUnderAnotherName_IsReadAsRoberta(string type, string architecture)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("roberta");
        using var classifier = fixture.CreateClassifier(
            changes: [("model_type", type), ("architectures", new[] { architecture })]);
        using var inputs = fixture.Inputs();

        Assert.AreEqual(type, classifier.Encoder.Architecture.ModelType);
        Fixture.AssertClose(fixture.Reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9);
    }

    [TestMethod]
    public void Load_DistilBert_HasTheEpsilonOfThePublishedCode()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("distilbert");
        using var classifier = fixture.CreateClassifier(changes: ("layer_norm_eps", 0.1));
        using var inputs = fixture.Inputs();

        Fixture.AssertClose(fixture.Reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs), 1e-9);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Load_NamesWithoutPrefix_AreFound(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var prefix = Architectures.Find(name)!.Prefix + ".";
        var fixture = new EncoderFixture(name);
        using var inputs = fixture.Inputs();
        using var expected = fixture.CreateClassifier();
        using var files = Changed(fixture, entry => entry.StartsWith(prefix, StringComparison.Ordinal) ? entry[prefix.Length..] : entry);

        var checkpoint = TextCheckpoint.Load(files);

        using var encoder = checkpoint.Encoder;
        _ = encoder.to(ScalarType.Float64);
        Fixture.AssertClose(expected.Encoder.Pool(inputs), encoder.Pool(inputs), 0, 0);
        Assert.IsNotNull(checkpoint.HeadWeights);
    }

    [TestMethod]
    [DataRow("bert.embeddings.position_ids")]
    [DataRow("cls.predictions.bias")]
    [DataRow("bert.pooler.extra.weight")]
    [DataRow("another_head.weight")]
    public void Load_LeftoverOfAnotherTask_IsIgnored(string extra)
    {
        using var files = Changed(new EncoderFixture("bert"), entry => entry, extra);

        TextCheckpoint.Load(files).Encoder.Dispose();
    }

    [TestMethod]
    [DataRow("bert.encoder.layer.2.output.dense.weight")]
    [DataRow("bert.encoder.rel_embeddings.weight")]
    public void Load_TensorOfAnotherEncoder_IsRefusedByName(string extra)
    {
        using var files = Changed(new EncoderFixture("bert"), entry => entry, extra);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(files));

        StringAssert.Contains(exception.Message, extra);
        StringAssert.Contains(exception.Message, "'bert'");
    }

    [TestMethod]
    public void Load_UnknownTensorWithoutPrefix_IsRefusedByName()
    {
        using var files = Changed(new EncoderFixture("bert"), entry => entry.Replace("bert.", "", StringComparison.Ordinal), "encoder.conv.weight");

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(files));

        StringAssert.Contains(exception.Message, "encoder.conv.weight");
    }

    [TestMethod]
    public void HeadWeights_OfAnotherShape_AreRefused()
    {
        using var files = Changed(
            new EncoderFixture("roberta"), entry => entry.Replace("classifier.out_proj", "classifier", StringComparison.Ordinal));
        var checkpoint = TextCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => new TextClassifier(encoder, 3, Adapters.LoRA, 1, checkpoint.HeadWeights));

        StringAssert.Contains(exception.Message, "classifier.out_proj.weight is missing");
    }

    [TestMethod]
    [DataRow("bert", "classifier")]
    [DataRow("roberta", "classifier")]
    [DataRow("distilbert", "pre_classifier,classifier")]
    [DataRow("deberta-v2", "pooler,classifier")]
    [DataRow("modernbert", "head,classifier")]
    [DataRow("mpnet", "classifier")]
    public void Modules_Head_AreWhatAnAdapterSaves(string name, string modules)
    {
        using var classifier = new EncoderFixture(name).CreateClassifier();

        Assert.AreEqual(modules, string.Join(',', classifier.Encoder.Head.Modules));
    }

    private static Dictionary<string, Tensor> Head(TextClassifier classifier) => classifier.TrainableParameters
        .Where(named => !named.Name.StartsWith(classifier.Encoder.Prefix + ".", StringComparison.Ordinal))
        .ToDictionary(named => named.Name, named => named.Value.detach());

    // The fixture with other names in its weight file, and a tensor more.
    private static MemoryCheckpointFiles Changed(EncoderFixture fixture, Func<string, string> rename, params string[] extra)
    {
        using var scope = NewDisposeScope();
        var contents = fixture.Contents();
        using var weights = SafetensorsFile.FromMemory(contents[CheckpointFiles.WeightsName], "the fixture");
        using var content = new MemoryStream();
        SafetensorsWriter.Write(content, weights.Names
            .Select(name => new SafetensorsEntry(rename(name), weights.Read(name, ScalarType.Float32)))
            .Concat(extra.Select(name => new SafetensorsEntry(name, zeros(2)))));
        contents[CheckpointFiles.WeightsName] = content.ToArray();
        return new MemoryCheckpointFiles(contents, "the changed fixture");
    }
}
