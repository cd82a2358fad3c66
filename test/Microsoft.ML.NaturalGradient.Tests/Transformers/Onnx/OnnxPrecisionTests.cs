using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tests.Models.T5;
using Microsoft.ML.NaturalGradient.Tests.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Graphs with 16-bit and 8-bit numbers: what is in them, and how far their answers are from the network's.</summary>
[TestClass]
public sealed class OnnxPrecisionTests
{
    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Run_TextEncoder_IsClose(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var batch = fixture.Inputs();

        AssertClose(classifier, classifier.Outputs(batch), run => run.Run(batch));
    }

    [TestMethod]
    [DataRow(T5Fixture.Tied)]
    [DataRow(T5Fixture.Gated)]
    public void Run_TextToText_IsClose(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = TextToTextFixture.Create(T5Fixture.Load(folder));
        using var batch = T5Fixture.Inputs(Fixture.Read($"{folder}/reference.json"));

        AssertClose(classifier, classifier.Outputs(batch), run => run.Run(batch));
    }

    [TestMethod]
    [DataRow("vit")]
    [DataRow("deit")]
    [DataRow("dinov2")]
    public void Run_ImageEncoder_IsClose(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new ImageFixture(name);
        using var classifier = fixture.CreateClassifier();
        using var batch = fixture.Inputs();

        AssertClose(classifier, classifier.Forward(batch), run => run.Run(batch.Pixels));
    }

    [TestMethod]
    public void Of_Float16_KeepsInputsAndOutputsAsTheyAre()
    {
        using var classifier = new EncoderFixture("bert").CreateClassifier();
        using var run = OnnxRun.Of(classifier, OnnxPrecision.Float16);

        var graph = run.File.Graph;

        Assert.IsTrue(graph.Input.All(input => input.Type.TensorType.ElemType == (int)OnnxElementType.Int64));
        Assert.AreEqual((int)OnnxElementType.Float, graph.Output[0].Type.TensorType.ElemType);
        Assert.IsFalse(graph.Initializer.Any(initializer => initializer.DataType == (int)OnnxElementType.Float));
    }

    /// <summary>Two products of an 8-bit input and such a weight fit into 16 bits, in which processors without 8-bit dot products add them up.</summary>
    [TestMethod]
    public void Of_Int8_HasNoFloatingPointWeightsAndNoneThatOverflow()
    {
        using var classifier = new EncoderFixture("bert").CreateClassifier();
        using var run = OnnxRun.Of(classifier, OnnxPrecision.Int8);

        var graph = run.File.Graph;

        var matrices = graph.Initializer.Where(initializer => initializer.Dims.Count == 2 && initializer.Dims[1] > 1).ToArray();
        Assert.IsNotEmpty(matrices);
        Assert.IsTrue(matrices.All(matrix => matrix.DataType == (int)OnnxElementType.Int8));
        var largest = matrices.Where(matrix => matrix.Name.EndsWith("weight_quantized", StringComparison.Ordinal)).Max(matrix => matrix.RawData.Max(value => Math.Abs((int)(sbyte)value)));
        Assert.AreEqual(64, largest);
        Assert.IsTrue(2 * byte.MaxValue * largest <= short.MaxValue);
        Assert.IsFalse(graph.Node.Any(node => node.OpType == "MatMul" && graph.Initializer.Any(initializer => initializer.Name == node.Input[1])));
    }

    /// <summary>Each token is rounded by its own greatest number: neither padding nor a row of large numbers decides about the others.</summary>
    [TestMethod]
    public void Run_Int8_OtherRowsAndPadding_ChangeNearlyNothing()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("bert");
        using var classifier = fixture.CreateClassifier();
        using var batch = fixture.Inputs();
        using var run = OnnxRun.Of(classifier, OnnxPrecision.Int8);
        var together = run.Run(batch);

        for (var row = 0L; row < batch.SampleCount; row++)
        {
            var length = batch.Mask[row].sum().item<long>();
            using var alone = new TokenBatch(
                batch.Ids.narrow(0, row, 1).narrow(1, 0, length), batch.Mask.narrow(0, row, 1).narrow(1, 0, length),
                batch.TypeIds.narrow(0, row, 1).narrow(1, 0, length), isPadded: false);

            OnnxRun.AssertSameProbabilities(run.Run(alone), together.narrow(0, row, 1), 5e-3);
        }
    }

    [TestMethod]
    public void Of_MiniLM_TakesAQuarterInInt8AndHalfInFloat16()
    {
        using var files = PretrainedModel.MiniLM.Open();
        using var classifier = new TextClassifier(TextCheckpoint.Load(files).Encoder, 3, new HeadOnlyOptions(), seed: 1);
        long[] sizes = [.. new[] { OnnxPrecision.Float32, OnnxPrecision.Float16, OnnxPrecision.Int8 }.Select(precision =>
        {
            using var run = OnnxRun.Of(classifier, precision);
            return run.Length;
        })];

        Fixture.AssertLess(0.505, (double)sizes[1] / sizes[0]);
        Fixture.AssertLess(0.26, (double)sizes[2] / sizes[0]);
    }

    private static void AssertClose(AdaptedNetwork network, Tensor expected, Func<OnnxRun, Tensor> answer)
    {
        using (var half = OnnxRun.Of(network, OnnxPrecision.Float16))
        {
            OnnxRun.AssertSameProbabilities(expected, answer(half), 5e-3);
        }

        using var rounded = OnnxRun.Of(network, OnnxPrecision.Int8);
        OnnxRun.AssertSameProbabilities(expected, answer(rounded), 0.08); // random vectors of 32 numbers lose more than trained ones of hundreds
    }
}
