using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.MLNet;

/// <summary>What is found out from the names and shapes of tensors, and which files are refused.</summary>
[TestClass]
public sealed class NasBertLayoutTests
{
    private static readonly (string Name, long[] Shape)[] Good =
    [
        ("TokenEmbedding.weight", [60, 16]), ("PositionalEmbedding.Embedding.weight", [22, 16]),
        ("Layers.1.Operation.SelfAttention.QProjection.weight", [128, 128]), ("Layers.2.Operation.Conv1.conv.Conv.conv1.weight", [192, 1, 7]),
        ("Layers.6.Operation.FullConnects.fc1.weight", [768, 192]), ("HiddenTransferList.0.InHiddenTransfer.weight", [192, 128]),
    ];

    [TestMethod]
    public void Describe_NamesAndShapes_GiveTheLayers()
    {
        var config = NasBertLayout.Describe(Make(Good));

        Assert.AreEqual("[0,1,11,0,0,0,8,0]", config["layer_types"]!.ToJsonString());
        Assert.AreEqual(2, (int)config["block_size"]!);
        Assert.AreEqual(8, (int)config["num_hidden_layers"]!);
        Assert.AreEqual(192, (int)config["hidden_size"]!);
        Assert.AreEqual(16, (int)config["embedding_size"]!);
        Assert.AreEqual(60, (int)config["vocab_size"]!);
        Assert.AreEqual(22, (int)config["max_position_embeddings"]!);
    }

    [TestMethod]
    [DataRow("TokenEmbedding.weight", null, "it has no tensor 'TokenEmbedding.weight', only PositionalEmbedding")]
    [DataRow("TokenEmbedding.weight", new long[] { 60 }, "'TokenEmbedding.weight' has the shape [60] where a matrix is expected")]
    [DataRow("TokenEmbedding.weight", new long[] { 0, 16 }, "has the shape [0, 16]")]
    [DataRow("Layers.1.Operation.SelfAttention.QProjection.weight", new long[] { 130, 130 }, "has the shape [130, 130], which no layer of NAS-BERT's search space has")]
    [DataRow("Layers.1.Operation.SelfAttention.QProjection.weight", new long[] { 128 }, "has the shape [128], which no layer")]
    [DataRow("Layers.2.Operation.Conv1.conv.Conv.conv1.weight", new long[] { 192, 1, 9 }, "has the shape [192, 1, 9], which no layer")]
    [DataRow("Layers.6.Operation.FullConnects.fc1.weight", new long[] { 512, 128 }, "it lacks 'HiddenTransferList.2.InHiddenTransfer.weight', which does not fit the widths of its layers, 128, 192, 192, 128")]
    [DataRow("HiddenTransferList.0.InHiddenTransfer.weight", null, "it lacks 'HiddenTransferList.0.InHiddenTransfer.weight'")]
    [DataRow("HiddenTransferList.3.InHiddenTransfer.weight", new long[] { 1, 1 }, "it has 'HiddenTransferList.3.InHiddenTransfer.weight'")]
    [DataRow("Layers.3.Operation.Something.weight", new long[] { 1 }, "of 'Layers.3.Operation.' it has none of Layers.3.Operation.SelfAttention")]
    public void Describe_OtherTensors_SaysWhichAreWrong(string name, long[]? shape, string expected)
    {
        var tensors = Good.Where(entry => entry.Name != name).ToList();
        if (shape is not null)
        {
            tensors.Add((name, shape));
        }

        var error = Assert.ThrowsExactly<InvalidDataException>(() => NasBertLayout.Describe(Make(tensors)));

        StringAssert.StartsWith(error.Message, "the file x is not the encoder that ML.NET's trainers download: ");
        StringAssert.Contains(error.Message, expected);
    }

    [TestMethod]
    public void Describe_NoLayers_SaysSo()
    {
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => NasBertLayout.Describe(Make(Good[..2]))).Message, "it has no layer");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => NasBertLayout.Describe(Make([]))).Message, "only none at all");
    }

    [TestMethod]
    public void Describe_LayersOfDifferentWidthsInABlock_NamesThem()
    {
        var tensors = Good.Append(("Layers.3.Operation.FullConnects.fc1.weight", [512, 128])); // block 1 has 192 already

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => NasBertLayout.Describe(Make(tensors))).Message, "Layers of the widths 192, 128 are in block 1");
    }

    [TestMethod]
    public void Describe_RobertaWithoutLayers_SaysSo()
    {
        var file = Make([("embeddings.word_embeddings.weight", [60, 64])]);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => RobertaLayout.Describe(file)).Message, "it has no layer");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => RobertaLayout.Describe(Make(Good))).Message, "no tensor 'embeddings.word_embeddings.weight'");
    }

    [TestMethod]
    public void Of_EveryNumberOfTheSearchSpace_IsFoundByWhatItDoes()
    {
        Assert.AreEqual(30, NasBertOperation.Count);
        Assert.IsNull(NasBertOperation.Of(-1));
        Assert.IsNull(NasBertOperation.Of(30));
        foreach (var operation in Enumerable.Range(0, 30).Select(number => NasBertOperation.Of(number)!.Value))
        {
            var found = operation.IsAttention ? NasBertOperation.AttentionOf(operation.Width)
                : operation.IsFeedForward ? NasBertOperation.FeedForwardOf(operation.Width)
                : operation.IsIdentity ? operation
                : NasBertOperation.ConvolutionOf(operation.Width, operation.KernelSize);

            Assert.AreEqual(operation, found);
            Assert.AreEqual(operation.IsIdentity, operation.Width == 0);
        }
    }

    private static SafetensorsFile Make(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var header = string.Join(',', tensors.Select(entry => entry.Name)
            .Zip(tensors.Select(entry => entry.Shape), Offsets(tensors)).Select(entry =>
                $$"""
                "{{entry.First}}":{"dtype":"U8","shape":[{{string.Join(',', entry.Second)}}],"data_offsets":[{{entry.Third.Begin}},{{entry.Third.End}}]}
                """));
        return SafetensorsFile.FromMemory(SafetensorsBytes.Make("{" + header + "}", new byte[Offsets(tensors).LastOrDefault().End]), "the file x");
    }

    private static IEnumerable<(long Begin, long End)> Offsets(IEnumerable<(string Name, long[] Shape)> tensors)
    {
        var end = 0L;
        foreach (var (_, shape) in tensors)
        {
            var begin = end;
            end += shape.Aggregate(1L, (product, size) => product * size);
            yield return (begin, end);
        }
    }
}
