using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.NasBert;

/// <summary>What the fixture of NAS-BERT does not show: every operation and maps between widths, adapters, and configurations that make no sense.</summary>
[TestClass]
public sealed class NasBertEncoderTests
{
    private static readonly int[] Layers = [4, 1, 8, 7]; // 128 wide, then 192: convolutions, attention, dense layers, attention

    private readonly string _folder = Directory.CreateTempSubdirectory("nas-bert-encoder").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("all")]
    [DataRow("lora")]
    [DataRow("biases")]
    [DataRow("head")]
    public void Gram_WhateverIsTrained_EqualsOneSampleAtATime(string trained)
    {
        using var scope = NewDisposeScope();
        using var classifier = Classifier(trained switch
        {
            "all" => new FullFineTuningOptions(),
            "lora" => new LoraOptions { Rank = 2 },
            "biases" => new BiasOnlyOptions(),
            _ => new HeadOnlyOptions(),
        });
        EncoderFixture.Perturb(classifier);
        using var inputs = Inputs();
        var labels = tensor(new long[] { 2, 0, 1 });
        using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs));
        using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
        var parameters = captured.Parameters.ToArray();

        var rows = PerSampleOracle.Rows(n => classifier.Forward(Row(inputs, n)), batch.LogitGradients, parameters); // [N, P]

        CollectionAssert.AreEquivalent(
            classifier.TrainableParameters.Select(named => named.Value.Handle).ToArray(), parameters.Select(parameter => parameter.Handle).ToArray());
        Fixture.AssertClose(rows, captured.Rows(), 1e-9, 1e-11);
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-10, 1e-11);
    }

    [TestMethod]
    public void DefaultTargets_Lora_AreAllLinearLayers()
    {
        using var scope = NewDisposeScope();
        using var classifier = Classifier(new LoraOptions { Rank = 2 });

        var adapted = classifier.TrainableParameters.Where(named => named.Name.EndsWith("lora_A.weight", StringComparison.Ordinal))
            .Select(named => named.Name["Encoder.".Length..^".lora_A.weight".Length]).ToArray();

        CollectionAssert.AreEquivalent((string[])
            [
                "EmbedTransfer.HiddenTransfer", "HiddenTransferList.1.InHiddenTransfer",
                "Layers.0.Operation.Conv1.conv.Conv.conv2", "Layers.0.Operation.Conv2.conv.Conv.conv2",
                .. new[] { 1, 3 }.SelectMany(layer => new[] { "QProjection", "KProjection", "VProjection", "OutProjLinear" }.Select(name => $"Layers.{layer}.Operation.SelfAttention.{name}")),
                "Layers.2.Operation.FullConnects.fc1", "Layers.2.Operation.FullConnects.fc2",
            ], adapted);
    }

    [TestMethod]
    public void Lora_LastLayers_DoNotCountThoseThatDoNothing()
    {
        using var scope = NewDisposeScope();
        using var classifier = Classifier(new LoraOptions { Rank = 2, Layers = 1 }, [3, 1, 0, 0]);

        var adapted = classifier.TrainableParameters.Where(named => named.Name.Contains("lora_A", StringComparison.Ordinal)).ToArray();

        Assert.HasCount(4, adapted);
        Assert.IsTrue(adapted.All(named => named.Name.StartsWith("Encoder.Layers.1.", StringComparison.Ordinal)));
        Assert.AreEqual(1, classifier.FrozenLayers);
    }

    [TestMethod]
    public void Encode_PaddingWithinARow_HasNoInfluence()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = Classifier(new HeadOnlyOptions());
        using var with = Make(new long[,] { { 0, 7, 1, 9 } });
        using var other = Make(new long[,] { { 0, 7, 8, 9 } });
        var words = classifier.Encoder.named_parameters().Single(named => named.name == "TokenEmbedding.weight").parameter;

        var before = classifier.Encoder.Encode(with)[0, 3].clone();
        var otherBefore = classifier.Encoder.Encode(other)[0, 3].clone();
        words[1].fill_(100);
        words[8].fill_(100);

        Fixture.AssertClose(before, classifier.Encoder.Encode(with)[0, 3], 0, 0);
        Assert.IsFalse(otherBefore.allclose(classifier.Encoder.Encode(other)[0, 3]));
    }

    [TestMethod]
    [DataRow("layer_types", "[3, 0, 1]", "'layer_types' is [3,0,1]; expected a list of 4 numbers")]
    [DataRow("layer_types", "[3, 0, 1, 30]", "expected whole numbers from 0 to 29")]
    [DataRow("layer_types", "[3, 0, 1, 1.5]", "expected whole numbers from 0 to 29")]
    [DataRow("layer_types", "[3, 0, 1, -1]", "expected whole numbers from 0 to 29")]
    [DataRow("layer_types", "[3, 0, 1, 1e30]", "expected whole numbers from 0 to 29")]
    [DataRow("layer_types", "[3, 0, 1, 7]", "'hidden_size' is 128; expected 192, the width of the last layers")]
    [DataRow("block_size", "0", "block_size 0")]
    [DataRow("embedding_size", "-3", "embedding_size -3")]
    [DataRow("embedding_size", "32", "TokenEmbedding.weight has shape [60, 16], expected [60, 32]")]
    [DataRow("max_position_embeddings", "2", "max_position_embeddings 2")]
    public void Load_ConfigurationMakesNoSense_NamesTheField(string field, string value, string expected)
    {
        using var document = JsonDocument.Parse(value);
        using var files = new EncoderFixture("nas-bert").OpenFiles((field, document.RootElement));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(files)).Message, expected);
    }

    [TestMethod]
    public void Load_SizesFarBeyondTheFile_AreRefusedBeforeMemoryIsTaken()
    {
        using var files = new EncoderFixture("nas-bert").OpenFiles(("num_hidden_layers", 9000), ("layer_types", Enumerable.Repeat(26, 9000)), ("hidden_size", 768));
        using var words = new EncoderFixture("nas-bert").OpenFiles(("vocab_size", int.MaxValue), ("embedding_size", 4096));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(files)).Message, "many more tensors than the weights have");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TextCheckpoint.Load(words)).Message, "TokenEmbedding.weight");
    }

    private TextClassifier Classifier(AdapterOptions adapter, int[]? layers = null)
    {
        layers ??= Layers;
        var path = Path.Combine(_folder, "some.tsm");
        using var reference = MLNetReference.Classifier(layers, 40, 16, layers[^1] > 6 ? 192 : 128, 3, tokens: 20);
        _ = MLNetReference.EncoderOf(reference).save(path);
        using var files = new MLNetCheckpointFiles(MLNetModel.NasBert, path, MLNetReference.Resource);
        using var weights = files.OpenWeights();
        var classifier = new TextClassifier((TextEncoder)Architectures.Find("nas-bert")!.Load(ModelConfig.Read(files), weights).Network, 3, adapter, seed: 1);
        _ = classifier.to(ScalarType.Float64);
        return classifier;
    }

    private static TokenBatch Inputs() => Make(new long[,] { { 0, 17, 23, 5, 1, 38 }, { 0, 9, 33, 12, 1, 1 }, { 0, 31, 1, 1, 1, 1 } });

    private static TokenBatch Make(long[,] ids)
    {
        var tensors = tensor(ids);
        return new TokenBatch(tensors, tensors.ne(1).to(ScalarType.Int64), zeros_like(tensors), isPadded: true);
    }

    private static TokenBatch Row(TokenBatch inputs, long n) => inputs.Slice(n, 1);
}
