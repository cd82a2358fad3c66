using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Shapes and types are inferred while a graph is built, and what does not fit is refused there.</summary>
[TestClass]
public sealed class OnnxGraphTests
{
    private readonly OnnxGraph _graph = new(nn.Identity(), OnnxPrecision.Float32);

    [TestMethod]
    public void Add_BroadcastDimensions_AreInferred()
    {
        var sum = _graph.Add(Float("batch", 1, "tokens", 8), Float("tokens", 1));

        Assert.AreEqual("[batch, 1, tokens, 8]", OnnxShape.Text(sum.Shape));
        Assert.AreEqual("[batch, 4, tokens, tokens + 2]", OnnxShape.Text(_graph.MatMul(Float("batch", 4, "tokens", 8), Float(1, 4, 8, (OnnxDimension)"tokens" + 2)).Shape));
    }

    [TestMethod]
    public void Operators_WrongOperands_NameThem()
    {
        var (narrow, wide, ids) = (Float("batch", 8), Float("batch", 9), _graph.Input("ids", OnnxElementType.Int64, "batch"));

        foreach (var wrong in new Action[]
        {
            () => _graph.Add(narrow, wide),
            () => _graph.Add(narrow, ids),
            () => _graph.MatMul(narrow, wide),
            () => _graph.Softmax(ids),
            () => _graph.Transpose(narrow, 0, 0),
            () => _graph.Reshape(narrow, "batch", 3, 3),
            () => _graph.Reshape(narrow, 8, "batch", 1, "other"),
            () => _graph.Concat(0, narrow, wide),
            () => _graph.Gather(narrow, wide),
            () => _graph.And(ids, ids),
            () => _graph.Split(narrow, 3),
            () => _graph.LayerNormalization(narrow, Float(9), Float(9), 1e-5),
            () => _graph.MatMulInteger(narrow, narrow, ids, ids),
            () => _graph.Convolution(Float("batch", 3, 8, 8), Float(4, 2, 2, 2), Float(4), 2, 0, 1),
        })
        {
            Assert.ThrowsExactly<InvalidOperationException>(wrong);
        }

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => _graph.Softmax(ids));
        Assert.AreEqual("Softmax cannot read ids: Int64 [batch].", error.Message);
    }

    [TestMethod]
    public void Reshape_UnknownDimensions_AreCopiedOrLeft()
    {
        var split = _graph.Reshape(Float("batch", "tokens", 8), "batch", "tokens", 2, 4);
        var apart = _graph.Reshape(Float("batch", 6, 8), (OnnxDimension)"batch" * 3, 2, 8);

        Assert.AreEqual("[batch, tokens, 2, 4]", OnnxShape.Text(split.Shape));
        Assert.AreEqual("[3*batch, 2, 8]", OnnxShape.Text(apart.Shape));
        CollectionAssert.Contains(_graph.Initializers.Select(initializer => initializer.Value.Name).ToArray(), "constant/Int64/[0,0,2,4]");
        CollectionAssert.Contains(_graph.Initializers.Select(initializer => initializer.Value.Name).ToArray(), "constant/Int64/[-1,2,8]");
    }

    [TestMethod]
    public void Convolution_Strides_DivideTheSize()
    {
        var patches = _graph.Convolution(Float("batch", 3, 224, 112), Float(384, 3, 14, 14), Float(384), stride: 14, padding: 0, groups: 1);
        var tokens = _graph.Convolution(Float("batch", 16, "tokens"), Float(16, 1, 5), Float(16), stride: 1, padding: 2, groups: 16);

        Assert.AreEqual("[batch, 384, 16, 8]", OnnxShape.Text(patches.Shape));
        Assert.AreEqual("[batch, 16, tokens]", OnnxShape.Text(tokens.Shape));
    }

    [TestMethod]
    public void Dimensions_SumsAndProducts_AreSpelled()
    {
        OnnxDimension tokens = "tokens", batch = "batch";

        Assert.AreEqual("tokens + 20", (tokens + 20).ToString());
        Assert.AreEqual("tokens - 1", (tokens + -1).ToString());
        Assert.AreEqual("2*tokens + 6", ((tokens + 3) * 2).ToString());
        Assert.AreEqual(tokens, tokens + 20 + -20);
        Assert.AreEqual((OnnxDimension)7, (OnnxDimension)3 + 4);
        Assert.ThrowsExactly<InvalidOperationException>(() => tokens + batch);
        Assert.ThrowsExactly<InvalidOperationException>(() => tokens.Value);
    }

    [TestMethod]
    public void Weight_SameNameTwice_IsOneTensorAndOtherNumbersAreRefused()
    {
        var first = _graph.Weight("weight", () => zeros(2, 3), 2, 3);

        Assert.AreSame(first, _graph.Weight("weight", () => zeros(2, 3), 2, 3));
        Assert.ThrowsExactly<InvalidOperationException>(() => _graph.Weight("weight", () => zeros(3, 2), 3, 2));
        Assert.HasCount(1, _graph.Initializers);
    }

    [TestMethod]
    public void Numbers_OtherShapeThanSaid_IsRefused()
    {
        using var scope = NewDisposeScope();
        _graph.Weight("weight", () => zeros(5), 2, 3);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => _graph.Initializers[0].Numbers());

        StringAssert.Contains(error.Message, "weight: Float [2, 3]");
    }

    [TestMethod]
    public void Numbers_TooLargeFor16Bits_SayWhatToDo()
    {
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(nn.Identity(), OnnxPrecision.Float16);
        graph.Weight("weight", () => full(1, 70_000f), 1);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => graph.Initializers[0].Numbers());

        StringAssert.Contains(error.Message, "'weight' has numbers that 16 bits do not hold. Export the model with OnnxPrecision.Float32.");
    }

    private OnnxValue Float(params OnnxDimension[] shape) => _graph.Input("value", OnnxElementType.Float, shape);
}
