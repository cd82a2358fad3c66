using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

[TestClass]
public sealed class ArchitecturesTests
{
    private static IEnumerable<string> TextTypes =>
        Architectures.All.Where(architecture => architecture.Kind != ArchitectureKind.ImageEncoder).Select(architecture => architecture.ModelType);

    [TestMethod]
    public void Create_UnknownType_ListsTheKnownOnes()
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => Create("bert", ("model_type", "gpt2")));

        StringAssert.Contains(exception.Message, "'gpt2'");
        StringAssert.EndsWith(exception.Message, $"Known are: {string.Join(", ", TextTypes.Order(StringComparer.Ordinal))}.");
    }

    [TestMethod]
    [DataRow("bert", "hidden_size")]
    [DataRow("bert", "vocab_size")]
    [DataRow("roberta", "max_position_embeddings")]
    [DataRow("electra", "embedding_size")]
    [DataRow("distilbert", "dim")]
    [DataRow("distilbert", "n_layers")]
    [DataRow("deberta-v2", "intermediate_size")]
    [DataRow("modernbert", "local_attention")]
    public void Create_FieldMissing_NamesIt(string name, string field)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create(name, (field, null)));

        StringAssert.Contains(exception.Message, $"'{field}'");
    }

    [TestMethod]
    [DataRow("bert", "num_attention_heads", 5, "no multiple of num_attention_heads 5")]
    [DataRow("bert", "type_vocab_size", 0, "type_vocab_size 0")]
    [DataRow("roberta", "num_hidden_layers", 0, "num_hidden_layers 0")]
    [DataRow("roberta", "pad_token_id", 21, "pad_token_id 21")]
    [DataRow("roberta", "pad_token_id", -1, "pad_token_id -1")]
    [DataRow("electra", "embedding_size", -3, "embedding_size -3")]
    [DataRow("distilbert", "n_heads", 7, "dim 24, which is no multiple of n_heads 7")]
    [DataRow("deberta-v2", "attention_head_size", 5, "attention_head_size 5")]
    [DataRow("deberta-v2", "pooler_hidden_size", 12, "pooler_hidden_size 12")]
    [DataRow("deberta-v2", "position_buckets", 1, "position_buckets 1")]
    [DataRow("deberta-v2", "position_buckets", 38, "position_buckets 38 for distances up to 20")]
    [DataRow("deberta-v2", "type_vocab_size", -1, "type_vocab_size -1")]
    [DataRow("modernbert", "num_attention_heads", 8, "heads of width 3")]
    [DataRow("modernbert", "local_attention", 0, "local_attention 0")]
    [DataRow("modernbert", "global_attn_every_n_layers", 0, "global_attn_every_n_layers 0")]
    [DataRow("modernbert", "global_rope_theta", 0, "global_rope_theta 0")]
    [DataRow("mpnet", "relative_attention_num_buckets", 31, "relative_attention_num_buckets 31; it must be at least 32")]
    [DataRow("mpnet", "max_position_embeddings", 2, "max_position_embeddings 2")]
    public void Create_ValueMakesNoSense_NamesFieldAndValue(string name, string field, int value, string expected)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create(name, (field, value)));

        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    [DataRow("bert", "layer_norm_eps", -1.0)]
    [DataRow("roberta", "layer_norm_eps", 1e300)]
    [DataRow("xlm-roberta", "layer_norm_eps", -1e-12)]
    [DataRow("electra", "layer_norm_eps", 2.0)]
    [DataRow("deberta-v2", "layer_norm_eps", -1.0)]
    [DataRow("deberta-v2", "embedding_size", -16)]
    [DataRow("deberta-v2", "attention_head_size", -6)]
    [DataRow("modernbert", "norm_eps", -1.0)]
    [DataRow("modernbert", "local_rope_theta", 1e-300)]
    public void Create_NumberThatWouldMakeOutputsNotFinite_NamesTheField(string name, string field, object value)
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => Create(name == "xlm-roberta" ? "roberta" : name, ("model_type", name), (field, value)));

        StringAssert.Contains(exception.Message, field);
    }

    [TestMethod]
    public void Create_LayerTypesMakeNoSense_ListsThem()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(
            () => Create("modernbert", ("layer_types", new[] { "full_attention", "other" })));

        StringAssert.Contains(exception.Message, "full_attention, other for 4 layers");
    }

    [TestMethod]
    [DataRow("bert", "position_embedding_type", "relative_key", "'relative_key'")]
    [DataRow("bert", "hidden_act", "snake", "'snake'")]
    [DataRow("bert", "is_decoder", true, "is_decoder")]
    [DataRow("deberta-v2", "conv_kernel_size", 3, "conv_kernel_size 3")]
    [DataRow("deberta-v2", "pos_att_type", "c2p|p2p", "'p2p'")]
    [DataRow("modernbert", "classifier_pooling", "max", "'max'")]
    [DataRow("modernbert", "rope_scaling", "yarn", "rope_scaling")]
    public void Create_VariantNotSupported_NamesIt(string name, string field, object value, string expected)
    {
        var exception = Assert.ThrowsExactly<NotSupportedException>(() => Create(name, (field, value)));

        StringAssert.Contains(exception.Message, expected);
    }

    [TestMethod]
    [DataRow("bert", 20)]
    [DataRow("roberta", 20)] // of 22 positions, one is padding's and one before it is unused
    [DataRow("deberta-v2", 20)]
    [DataRow("modernbert", 40)]
    [DataRow("mpnet", 20)]
    public void MaxTokens_Architecture_IsWhatPositionsAllow(string name, int tokens)
    {
        using var files = new EncoderFixture(name).OpenFiles();
        var config = ModelConfig.Read(files);
        using var encoder = Architectures.ForTexts(config).Create(config);

        Assert.AreEqual(tokens, encoder.MaxTokens);
    }

    [TestMethod]
    public void All_ModelTypes_AreDistinctAndFound()
    {
        foreach (var architecture in Architectures.All)
        {
            Assert.AreSame(architecture, Architectures.Find(architecture.ModelType));
        }
    }

    [TestMethod]
    public void All_TextArchitectures_NameTokenizersThatAreRead()
    {
        foreach (var architecture in Architectures.All.Where(architecture => architecture.Kind != ArchitectureKind.ImageEncoder))
        {
            Assert.IsTrue(TokenizerFamily.Find(architecture.PreprocessorClass) is null or { IsKnown: true }, architecture.ModelType);
        }
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void ClassName_ReferenceCheckpoint_IsThatOfTheReference(string name)
    {
        using var files = new EncoderFixture(name).OpenFiles();

        Assert.AreEqual(Architectures.Find(name)!.ClassName + "ForSequenceClassification", ModelConfig.Read(files).Architectures.Single());
    }

    private static void Create(string name, params (string Field, object? Value)[] changes)
    {
        using var files = new EncoderFixture(name).OpenFiles(changes);
        var config = ModelConfig.Read(files);
        using var encoder = Architectures.ForTexts(config).Create(config);
    }
}
