using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

[TestClass]
public sealed class ImageArchitecturesTests
{
    [TestMethod]
    public void Create_UnknownType_ListsTheKnownOnes()
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => Create("vit", ("model_type", "swin")));

        StringAssert.Contains(exception.Message, "'swin'");
        StringAssert.Contains(exception.Message, "deit, dinov2, vit");
    }

    [TestMethod]
    [DataRow("vit", "hidden_size")]
    [DataRow("vit", "intermediate_size")]
    [DataRow("deit", "image_size")]
    [DataRow("dinov2", "patch_size")]
    [DataRow("dinov2", "num_hidden_layers")]
    public void Create_FieldMissing_NamesIt(string name, string field)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create(name, (field, null)));

        StringAssert.Contains(exception.Message, $"'{field}'");
    }

    [TestMethod]
    [DataRow("vit", "num_attention_heads", 5, "no multiple of num_attention_heads 5")]
    [DataRow("vit", "patch_size", 0, "patch_size 0")]
    [DataRow("vit", "intermediate_size", -1, "intermediate_size -1")]
    [DataRow("deit", "image_size", 7, "image_size 7, which is less than patch_size 8")]
    [DataRow("dinov2", "mlp_ratio", 0, "mlp_ratio 0")]
    [DataRow("dinov2", "mlp_ratio", -2, "mlp_ratio -2")]
    [DataRow("dinov2", "mlp_ratio", 2000000000, "mlp_ratio 2000000000")]
    [DataRow("vit", "layer_norm_eps", -1, "layer_norm_eps -1")]
    [DataRow("deit", "layer_norm_eps", 2, "layer_norm_eps 2")]
    [DataRow("dinov2", "layer_norm_eps", -1, "layer_norm_eps -1")]
    [DataRow("dinov2", "num_hidden_layers", 0, "num_hidden_layers 0")]
    public void Create_ValueMakesNoSense_NamesFieldAndValue(string name, string field, int value, string expected)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create(name, (field, value)));

        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    public void Create_SizeIsNoNumber_NamesTheField()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create("vit", ("image_size", new[] { 24, 32 })));

        StringAssert.Contains(exception.Message, "'image_size'");
        StringAssert.Contains(exception.Message, "expected a whole number");
    }

    [TestMethod]
    [DataRow("vit", "num_channels", 1, "num_channels 1")]
    [DataRow("dinov2", "hidden_act", "snake", "'snake'")]
    public void Create_VariantNotSupported_NamesIt(string name, string field, object value, string expected)
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => Create(name, (field, value)));

        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    public void Create_WithoutAttentionBias_HasNone()
    {
        using var files = new ImageFixture("vit").OpenFiles(("qkv_bias", false));
        var config = ModelConfig.Read(files);
        using var encoder = Architectures.ForPictures(config).Create(config);

        var names = encoder.named_parameters().Select(named => named.name).ToArray();

        CollectionAssert.DoesNotContain(names, "encoder.layer.0.attention.attention.query.bias");
        CollectionAssert.Contains(names, "encoder.layer.0.attention.output.dense.bias");
    }

    private static void Create(string name, params (string Field, object? Value)[] changes)
    {
        using var files = new ImageFixture(name).OpenFiles(changes);
        var config = ModelConfig.Read(files);
        using var encoder = Architectures.ForPictures(config).Create(config);
    }
}
