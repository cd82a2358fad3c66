using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.T5;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

[TestClass]
public sealed class T5WeightsTests
{
    private const string Table = "shared.weight";
    private const string Head = "lm_head.weight";
    private const string EncoderCopy = "encoder.embed_tokens.weight";
    private const string DecoderCopy = "decoder.embed_tokens.weight";

    [TestMethod]
    public void Load_Copies_AreTheOneEmbedding()
    {
        using var scope = NewDisposeScope();
        var weights = Read(T5Fixture.Tied);

        var (network, types) = Load(T5Fixture.Config(T5Fixture.Tied), With(weights, (EncoderCopy, weights[Table]), (DecoderCopy, weights[Table]), (Head, weights[Table])));

        using (network)
        {
            Assert.AreEqual(network.named_parameters().Count(), types.Count);
            Assert.AreEqual(ScalarType.Float32, types[Table]);
            Assert.IsFalse(network.named_parameters().Any(pair => pair.name == Head));
        }
    }

    [TestMethod]
    [DataRow(EncoderCopy)]
    [DataRow(Head)]
    public void Load_OnlyACopy_IsTheEmbedding(string name)
    {
        using var scope = NewDisposeScope();
        var weights = Read(T5Fixture.Tied);
        var renamed = With(weights, (name, weights[Table]));
        renamed.Remove(Table);

        var (network, types) = Load(T5Fixture.Config(T5Fixture.Tied), renamed);

        using (network)
        {
            Fixture.AssertClose(weights[Table], network.named_parameters().Single(pair => pair.name == Table).parameter, 0, 1e-12);
            Assert.IsTrue(types.ContainsKey(Table));
        }
    }

    [TestMethod]
    public void Load_DifferentHeadThoughTied_SaysWhatToSet()
    {
        using var scope = NewDisposeScope();
        var weights = Read(T5Fixture.Tied);

        var exception = Assert.ThrowsExactly<InvalidDataException>(
            () => Load(T5Fixture.Config(T5Fixture.Tied), With(weights, (Head, weights[Table].neg()))));

        StringAssert.Contains(exception.Message, "'lm_head.weight'");
        StringAssert.Contains(exception.Message, "tie_word_embeddings");
    }

    [TestMethod]
    public void Load_DifferentEmbeddings_AreRefused()
    {
        using var scope = NewDisposeScope();
        var weights = Read(T5Fixture.Gated);

        var exception = Assert.ThrowsExactly<InvalidDataException>(
            () => Load(T5Fixture.Config(T5Fixture.Gated), With(weights, (DecoderCopy, weights[Head]))));

        StringAssert.Contains(exception.Message, "'decoder.embed_tokens.weight'");
    }

    // Transformers 5 writes tie_word_embeddings true for every T5 and says with scale_decoder_outputs which kind it is.
    [TestMethod]
    public void Load_ScalingStated_TakesTheHeadThatTheFileHas()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Fixture.Read($"{T5Fixture.Gated}/reference.json");
        var config = T5Fixture.Config(T5Fixture.Gated) with { IsTied = true, ScalesOutput = false, StatesScaling = true };

        var (network, _) = Load(config, Read(T5Fixture.Gated));

        using (network)
        {
            using var inputs = T5Fixture.Inputs(reference);
            _ = network.to(ScalarType.Float64);
            Fixture.AssertClose(
                reference.GetProperty("logits").ToTensor(), T5Fixture.Forward(network, inputs, T5Fixture.Labels(reference)), 1e-9, 1e-10);
        }
    }

    [TestMethod]
    public void Load_WrongLayers_ListsWhatDiffers()
    {
        using var scope = NewDisposeScope();
        var weights = Read(T5Fixture.Tied);
        var config = T5Fixture.Config(T5Fixture.Tied);

        var deeper = Assert.ThrowsExactly<InvalidDataException>(() => Load(config with { DecoderLayerCount = 3 }, weights));
        var shallower = Assert.ThrowsExactly<InvalidDataException>(() => Load(config with { DecoderLayerCount = 1 }, weights));
        var wider = Assert.ThrowsExactly<InvalidDataException>(() => Load(config with { HeadSize = 16 }, weights));
        var unread = Load(config, With(weights, ("decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight", weights[Table])));

        unread.Network.Dispose();
        StringAssert.Contains(deeper.Message, "decoder.block.2.layer.0.SelfAttention.q.weight is missing");
        StringAssert.Contains(shallower.Message, "decoder.block.1.layer.0.SelfAttention.k.weight");
        StringAssert.Contains(wider.Message, "expected [48, 24]");
    }

    private static Dictionary<string, Tensor> Read(string folder)
    {
        using var files = T5Fixture.OpenFiles(folder);
        using var file = files.OpenSafetensors(CheckpointFiles.WeightsName);
        return file.Names.ToDictionary(name => name, name => file.Read(name, ScalarType.Float32));
    }

    private static Dictionary<string, Tensor> With(Dictionary<string, Tensor> weights, params (string Name, Tensor Value)[] more) =>
        weights.Concat(more.Select(entry => KeyValuePair.Create(entry.Name, entry.Value))).ToDictionary();

    private static (T5Network Network, IReadOnlyDictionary<string, ScalarType> Types) Load(T5Config config, Dictionary<string, Tensor> weights)
    {
        using var content = new MemoryStream();
        SafetensorsWriter.Write(content, weights.Select(pair => new SafetensorsEntry(pair.Key, pair.Value, ScalarType.Float32)));
        using var file = SafetensorsFile.FromMemory(content.ToArray(), "the test");
        var loaded = T5Weights.Load(config, file);
        return ((T5Network)loaded.Network, loaded.StoredTypes);
    }
}
