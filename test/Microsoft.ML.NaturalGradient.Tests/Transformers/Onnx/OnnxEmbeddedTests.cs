using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Imaging;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>The embedded encoders as graphs: the same answers, and what ONNX Runtime makes of them.</summary>
[TestClass]
public sealed class OnnxEmbeddedTests
{
    private static readonly Dictionary<string, PretrainedModel> Models = new() { ["minilm"] = PretrainedModel.MiniLM, ["bge-small"] = PretrainedModel.BgeSmall };

    [TestMethod]
    [DataRow("minilm")]
    [DataRow("bge-small")]
    public void Run_TextsAndPairs_GiveTheNetworksProbabilities(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = Load(name, out var batch);

        using var run = OnnxRun.Of(classifier);

        OnnxRun.AssertSameProbabilities(classifier.Outputs(batch), run.Run(batch));
        for (var row = 0L; row < 3; row++)
        {
            var length = batch.Mask[row].sum().item<long>();
            using var alone = new TokenBatch(
                batch.Ids.narrow(0, row, 1).narrow(1, 0, length), batch.Mask.narrow(0, row, 1).narrow(1, 0, length),
                batch.TypeIds.narrow(0, row, 1).narrow(1, 0, length), isPadded: false);
            OnnxRun.AssertSameProbabilities(classifier.Outputs(alone), run.Run(alone));
        }
    }

    [TestMethod]
    public void Run_Pictures_GiveTheNetworksProbabilities()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var files = PretrainedModel.ViTSmall.Open();
        var checkpoint = ImageCheckpoint.Load(files);
        using var classifier = new ImageClassifier(checkpoint.Encoder, 3, new LoraOptions(), seed: 1);
        Perturb(classifier);
        var preprocessor = checkpoint.ReadPreprocessor();
        var pictures = new[] { "banana", "hotdog" }.Select(name => preprocessor.Prepare(ImageDecoder.DecodeFile(Pictures.FixturePath($"{name}.jpg")))).ToArray();
        using PixelBatch batch = ImageBatchSource.Collate(pictures, preprocessor, CPU);

        using var run = OnnxRun.Of(classifier, pictures: new OnnxPictureSize(preprocessor.Height, preprocessor.Width));

        OnnxRun.AssertSameProbabilities(classifier.Forward(batch), run.Run(batch.Pixels));
    }

    /// <summary>What ONNX Runtime computes as one is faster than its parts. Whole attention is recognised up to version 13 of the operators only, which have no layer normalisation.</summary>
    [TestMethod]
    [DataRow(OnnxPrecision.Float32, "FusedMatMul", 6)] // products of queries and keys, scaled
    [DataRow(OnnxPrecision.Float32, "SkipLayerNormalization", 12)]
    [DataRow(OnnxPrecision.Float32, "BiasGelu", 6)]
    [DataRow(OnnxPrecision.Int8, "DynamicQuantizeMatMul", 19)] // three in a layer, and the head
    [DataRow(OnnxPrecision.Int8, "MatMulIntegerToFloat", 18)] // queries, keys and values, whose input is rounded once
    [DataRow(OnnxPrecision.Int8, "DynamicQuantizeLinear", 6)]
    public void Operators_Optimised_AreThoseForTransformers(OnnxPrecision precision, string expected, int count)
    {
        using var classifier = Load("minilm", out _);
        using var run = OnnxRun.Of(classifier, precision);

        var operators = run.OptimizedOperators();

        Assert.AreEqual(count, operators.GetValueOrDefault(expected), string.Join(", ", operators.Select(pair => $"{pair.Key} {pair.Value}")));
    }

    private static TextClassifier Load(string name, out TokenBatch batch)
    {
        var reference = Fixture.Read($"{name}/reference.json");
        using var files = Models[name].Open();
        var checkpoint = TextCheckpoint.Load(files);
        var classifier = new TextClassifier(checkpoint.Encoder, 3, new LoraOptions(), seed: 1);
        Perturb(classifier);
        batch = TokenBatchSource.Collate(
            [.. reference.GetProperty("rows").EnumerateArray().Select(row => row.GetProperty("text").EnumerateArray().Select(text => text.GetString()!).ToArray())
                .Select(texts => checkpoint.Tokenizer.Encode(texts[0], texts.Length > 1 ? texts[1] : null, 64))],
            checkpoint.Tokenizer.PadId, CPU);
        return classifier;
    }

    private static void Perturb(AdaptedNetwork network)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        foreach (var (_, value) in ((ITrainableModel)network).TrainableParameters)
        {
            value.add_(empty(value.shape).normal_(0, 0.02, generator));
        }

        network.SetTraining(false);
    }
}
