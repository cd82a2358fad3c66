using System.Text;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.T5;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

[TestClass]
public sealed class T5ConfigTests
{
    [TestMethod]
    public void Read_FewestFields_TakesTheDefaultsOfTheFirstRelease()
    {
        var config = T5Config.Read(Settings());

        Assert.AreEqual((6, 6, 32, 128), (config.EncoderLayerCount, config.DecoderLayerCount, config.BucketCount, config.FarthestDistance));
        Assert.AreEqual((0, 1, 0), (config.DecoderStartId, config.EndId, config.PadId));
        Assert.AreEqual((false, true, true, false), (config.IsGated, config.IsTied, config.ScalesOutput, config.StatesScaling));
        Assert.AreEqual(1e-6, config.NormEpsilon);
    }

    [TestMethod]
    public void Read_LaterVersions_TellGateHeadAndScale()
    {
        var second = T5Config.Read(Settings(("feed_forward_proj", "gated-gelu"), ("tie_word_embeddings", false), ("num_decoder_layers", 2)));
        var rewritten = T5Config.Read(Settings(("tie_word_embeddings", true), ("scale_decoder_outputs", false)));

        Assert.AreEqual((true, false, false, false), (second.IsGated, second.IsTied, second.ScalesOutput, second.StatesScaling));
        Assert.AreEqual(2, second.DecoderLayerCount);
        Assert.AreEqual((true, false, true), (rewritten.IsTied, rewritten.ScalesOutput, rewritten.StatesScaling));
    }

    [TestMethod]
    [DataRow("vocab_size")]
    [DataRow("d_model")]
    [DataRow("d_kv")]
    [DataRow("d_ff")]
    [DataRow("num_layers")]
    [DataRow("num_heads")]
    public void Read_MissingOrZero_NamesTheField(string field)
    {
        var missing = Assert.ThrowsExactly<InvalidDataException>(() => T5Config.Read(Settings((field, null))));
        var zero = Assert.ThrowsExactly<InvalidDataException>(() => T5Config.Read(Settings((field, 0))));

        StringAssert.Contains(missing.Message, $"'{field}'");
        StringAssert.Contains(zero.Message, $"{field} 0");
    }

    [TestMethod]
    [DataRow("relative_attention_num_buckets", 7, "even number")]
    [DataRow("relative_attention_num_buckets", 2, "even number")]
    [DataRow("relative_attention_max_distance", 16, "16 distances")]
    [DataRow("decoder_start_token_id", 100, "vocab_size 100")]
    [DataRow("eos_token_id", -1, "at least 0")]
    [DataRow("layer_norm_epsilon", -1, "from 0 to 1")]
    public void Read_OutOfRange_NamesTheRule(string field, int value, string rule)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => T5Config.Read(Settings((field, value))));

        StringAssert.Contains(exception.Message, $"{field} {value}");
        StringAssert.Contains(exception.Message, rule);
    }

    [TestMethod]
    public void Read_UnknownFeedForward_ListsTheKnown()
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => T5Config.Read(Settings(("feed_forward_proj", "gated-silu"))));

        StringAssert.Contains(exception.Message, "'gated-silu'");
        StringAssert.Contains(exception.Message, "'gated-gelu'");
    }

    [TestMethod]
    [DataRow("relu", false, "relu")]
    [DataRow("gated-gelu", true, "gelu_new")]
    [DataRow("gated-gelu", true, "gelu_pytorch_tanh")]
    public void Read_WhatFollowsFromTheFeedForward_IsRead(string projection, bool isGated, string activation) => Assert.AreEqual(
        isGated, T5Config.Read(Settings(("feed_forward_proj", projection), ("is_gated_act", isGated), ("dense_act_fn", activation))).IsGated);

    [TestMethod]
    [DataRow("relu", "is_gated_act", true)]
    [DataRow("gated-gelu", "is_gated_act", false)]
    [DataRow("relu", "dense_act_fn", "gelu_new")]
    [DataRow("gated-gelu", "dense_act_fn", "gelu")]
    [DataRow("gated-gelu", "dense_act_fn", "relu")]
    public void Read_AnotherActivationThanTheFeedForwards_IsRefused(string projection, string field, object value)
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(
            () => T5Config.Read(Settings(("feed_forward_proj", projection), (field, JsonValue.Create(value)))));

        StringAssert.Contains(exception.Message, field);
    }

    private static ModelConfig Settings(params (string Field, JsonNode? Value)[] changes)
    {
        var json = new JsonObject { ["vocab_size"] = 100, ["d_model"] = 16, ["d_kv"] = 4, ["d_ff"] = 32, ["num_layers"] = 6, ["num_heads"] = 3 };
        foreach (var (field, value) in changes)
        {
            json[field] = value;
        }

        return ModelConfig.Read(new MemoryCheckpointFiles(
            new Dictionary<string, byte[]> { [CheckpointFiles.ConfigName] = Encoding.UTF8.GetBytes(json.ToJsonString()) }, "the test"));
    }
}
