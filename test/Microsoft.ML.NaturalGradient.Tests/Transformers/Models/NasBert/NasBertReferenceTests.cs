using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.NasBert;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.NasBert;

/// <summary>NAS-BERT against ML.NET's own network, whose file it loads: the numbers are those of Microsoft.ML.TorchSharp.</summary>
[TestClass]
public sealed class NasBertReferenceTests
{
    private const int Vocabulary = 300;
    private const int Classes = 3;

    private readonly string _folder = Directory.CreateTempSubdirectory("nas-bert").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(new[] { 3, 4, 5, 1, 2, 0, 2, 1 }, 64, 128, DisplayName = "every operation, one width")]
    [DataRow(new[] { 0, 0, 4, 1, 9, 0, 8, 7 }, 64, 192, DisplayName = "128 to 192")]
    [DataRow(new[] { 8, 9, 0, 0, 5, 2, 7, 11 }, 192, 192, DisplayName = "192 to 128 and back, embeddings as wide as the layers")]
    [DataRow(new[] { 15, 16, 14, 0, 0, 0, 15, 16, 14, 0, 0, 0, 17, 14, 15, 0, 0, 0, 17, 14, 15, 0, 0, 0 }, 128, 384, DisplayName = "the network of ML.NET's tags")]
    public void HiddenStates_FileOfReference_EqualReference(int[] layers, int embeddingSize, int width)
    {
        Compare(layers, Vocabulary, embeddingSize, width);
    }

    [TestMethod]
    public void HiddenStates_NetworkOfTextClassification_EqualReference()
    {
        Compare(MLNetReference.ClassificationLayers, 50265, 64, 192);
    }

    private void Compare(IReadOnlyList<int> layers, int vocabulary, int embeddingSize, int width)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var reference = MLNetReference.Classifier(layers, vocabulary, embeddingSize, width, Classes);
        var path = Path.Combine(_folder, "some.tsm");
        _ = MLNetReference.EncoderOf(reference).save(path);
        _ = reference.to(ScalarType.Float64);
        using var encoder = Load(path);
        _ = encoder.to(ScalarType.Float64);
        using var generator = new Generator(3);
        // The first ids of a row and its length; ids from 5 on are no special tokens, and 1 is padding wherever it stands.
        using var batch = Batch(randint(5, Vocabulary, [4, 12], generator: generator).to(ScalarType.Int64), [12, 1, 7, 9]);

        var expected = MLNetReference.Features(reference, batch.Ids);
        var actual = encoder.Encode(batch);

        Fixture.AssertClose(expected.mul(batch.Mask.unsqueeze(-1)), actual.mul(batch.Mask.unsqueeze(-1)), 1e-9, 1e-9);
        Assert.AreEqual(layers.Count, encoder.LayerCount);
        Assert.AreEqual(512, encoder.MaxTokens);
        CollectionAssert.AreEquivalent(
            MLNetReference.EncoderOf(reference).state_dict().Keys.ToArray(), encoder.state_dict().Keys.ToArray());

        var head = reference.state_dict().Where(pair => pair.Key.StartsWith("PredictionHead.", StringComparison.Ordinal)).Select(pair => pair.Value).ToArray();
        var logits = nn.functional.linear(encoder.Pool(batch), head[0], head[1]);
        Fixture.AssertClose(MLNetReference.Logits(reference, batch.Ids), logits, 1e-9, 1e-9);
    }

    private static TextEncoder Load(string path)
    {
        using var files = new MLNetCheckpointFiles(MLNetModel.NasBert, path, MLNetReference.Resource);
        using var weights = files.OpenWeights();
        var network = NasBertEncoder.Descriptor.Load(ModelConfig.Read(files), weights).Network;
        network.eval();
        return (TextEncoder)network;
    }

    private static TokenBatch Batch(Tensor ids, int[] lengths)
    {
        var mask = stack([.. lengths.Select(length => arange(ids.shape[1]).lt(length).to(ScalarType.Int64))]);
        ids[.., 0] = 0;
        ids[0, 4] = 1; // padding in the middle, as a quotation mark is
        return new TokenBatch(where(mask.eq(1), ids, ones_like(ids)), mask, zeros_like(ids), isPadded: true);
    }
}
