using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>The embedded text encoders against the Python libraries.</summary>
[TestClass]
public sealed class EmbeddedEncoderTests
{
    private static readonly Dictionary<string, PretrainedModel> Models = new() { ["minilm"] = PretrainedModel.MiniLM, ["bge-small"] = PretrainedModel.BgeSmall };

    [TestMethod]
    [DataRow("minilm")]
    [DataRow("bge-small")]
    public void Encode_Texts_GivesTheIdsOfTheReference(string name)
    {
        var reference = Fixture.Read($"{name}/reference.json");
        using var files = Models[name].Open();
        var tokenizer = TokenizerFactory.Create(files);

        foreach (var row in reference.GetProperty("rows").EnumerateArray())
        {
            CollectionAssert.AreEqual(
                row.GetProperty("input_ids").EnumerateArray().Select(id => id.GetInt32()).ToArray(), Encode(tokenizer, row, reference).Ids);
        }
    }

    [TestMethod]
    [DataRow("minilm")]
    [DataRow("bge-small")]
    public void Pool_Texts_GivesTheVectorsOfTheReferenceAloneAndPadded(string name)
    {
        var reference = Fixture.Read($"{name}/reference.json");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var files = Models[name].Open();
        var checkpoint = TextCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;
        encoder.eval();
        var rows = reference.GetProperty("rows").EnumerateArray().ToArray();
        var sequences = rows.Select(row => Encode(checkpoint.Tokenizer, row, reference)).ToArray();
        using var together = TokenBatchSource.Collate(sequences, checkpoint.Tokenizer.PadId, CPU);
        var padded = encoder.Pool(together).to(ScalarType.Float64); // [N, D]

        for (var i = 0; i < rows.Length; i++)
        {
            using var alone = TokenBatchSource.Collate([sequences[i]], checkpoint.Tokenizer.PadId, CPU);
            var single = encoder.Pool(alone)[0].to(ScalarType.Float64); // [D]
            var expected = rows[i].GetProperty("mean_pooled").ToTensor();

            // float32 on both sides, summed in another order.
            Fixture.AssertClose(expected, single, 0, 1e-4);
            Fixture.AssertClose(expected, padded[i], 0, 1e-4);
        }

        // The reference has the similarities of the single texts only, which come before the pairs; of the vectors that the encoder was trained for.
        var similarities = reference.GetProperty("cosine_similarity_padded_batch").ToTensor();
        if (name == "bge-small")
        {
            padded = encoder.HiddenStates(together)[^1].select(1, 0).to(ScalarType.Float64);
            Fixture.AssertClose(stack([.. rows.Select(row => row.GetProperty("class_token").ToTensor())]), padded, 0, 1e-4);
        }

        var units = nn.functional.normalize(padded.narrow(0, 0, similarities.shape[0]), 2, 1);
        Fixture.AssertClose(similarities, units.mm(units.t()), 0, 1e-4);
    }

    private static TokenSequence Encode(ITextTokenizer tokenizer, JsonElement row, JsonElement reference)
    {
        var texts = row.GetProperty("text").EnumerateArray().Select(text => text.GetString()!).ToArray();
        return tokenizer.Encode(texts[0], texts.Length > 1 ? texts[1] : null, reference.GetProperty("max_length").GetInt32());
    }
}
