using System.Reflection;
using System.Runtime.CompilerServices;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.NasBert;

/// <summary>ML.NET's RoBERTa as the RoBERTa of this library: against ML.NET's own network, with the positions and segments that it makes itself.</summary>
[TestClass]
public sealed class RobertaReferenceTests
{
    private const int Vocabulary = 50265; // the tokenizer's
    private const int Width = 128;
    private const int Positions = 20;

    // ML.NET's class would make a network of 124 million weights; what it makes of ids needs its tables only. Kept, since it has nothing that a finalizer could free.
    private static readonly object Unmade = RuntimeHelpers.GetUninitializedObject(Assembly.Load("Microsoft.ML.TorchSharp").GetType("RobertaModelForQA", throwOnError: true)!);

    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-roberta").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void HiddenStates_FileOfReference_EqualReference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var reference = MLNetReference.Roberta(2, Vocabulary, Width, 96, Positions);
        var path = Path.Combine(_folder, "some.tsm");
        _ = reference.save(path);
        _ = reference.to(ScalarType.Float64);
        using var files = new MLNetCheckpointFiles(MLNetModel.Roberta, path, MLNetReference.Resource);
        var checkpoint = TextCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;
        encoder.eval();
        _ = encoder.to(ScalarType.Float64);
        // Question, separator, context; as long as ML.NET allows, shorter, and without a context.
        using var batch = TokenBatchSource.Collate(
            [
                checkpoint.Tokenizer.Encode("who was in the film", "they were in it, I think, again and again and again", Positions),
                checkpoint.Tokenizer.Encode("who", "nobody", Positions), checkpoint.Tokenizer.Encode("was it", "", Positions),
            ], checkpoint.Tokenizer.PadId, CPU);

        var actual = encoder.Encode(batch);

        var expected = (Tensor)MLNetReference.Call(reference, "call", [batch.Ids, .. Inputs(batch.Ids)])!;
        var isRead = batch.Mask.unsqueeze(-1);
        Fixture.AssertClose(expected.mul(isRead), actual.mul(isRead), 1e-9, 1e-9);
        Assert.AreEqual(Positions, batch.Ids.shape[1]);
        Assert.AreEqual(Positions, encoder.MaxTokens);
        Assert.AreEqual(1, batch.TypeIds.max().item<long>());
    }

    [TestMethod]
    public void Load_NetworkOfReference_HasItsNames()
    {
        using var scope = NewDisposeScope();
        using var reference = MLNetReference.Roberta(1, Vocabulary, Width, 96, Positions);
        var path = Path.Combine(_folder, "some.tsm");
        _ = reference.save(path);
        using var files = new MLNetCheckpointFiles(MLNetModel.Roberta, path, MLNetReference.Resource);

        using var encoder = TextCheckpoint.Load(files).Encoder;

        CollectionAssert.AreEquivalent(reference.state_dict().Keys.ToArray(), encoder.state_dict().Keys.ToArray());
        var table = encoder.state_dict()["embeddings.position_embeddings.weight"];
        CollectionAssert.AreEqual(new long[] { Positions + 2, Width }, table.shape);
        Assert.AreEqual(0, table.narrow(0, 0, 2).abs().max().item<float>());
        Assert.IsTrue(table.narrow(0, 2, Positions).eq(reference.state_dict()["embeddings.position_embeddings.weight"]).all().item<bool>());
    }

    private static Tensor[] Inputs(Tensor ids)
    {
        const BindingFlags any = BindingFlags.Instance | BindingFlags.NonPublic;
        var type = Unmade.GetType().BaseType!;
        foreach (var (field, value) in new[] { ("Zeros", 0), ("Ones", 1), ("NegBillionPad", (int)-1e9) })
        {
            type.GetField(field, any)!.SetValue(Unmade, Enumerable.Repeat(value, Positions).ToArray());
        }

        type.GetField("Positions", any)!.SetValue(Unmade, Enumerable.Range(0, Positions).ToArray());
        var made = (ITuple)type.GetMethod("GetEmbeddings", any)!.Invoke(Unmade, [ids.to(ScalarType.Int32)])!;
        return [.. Enumerable.Range(0, 3).Select(i => (Tensor)made[i]!)];
    }
}
