using Microsoft.ML.NaturalGradient.Tests.Models;
using OnnxMessages;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>The checker finds what it is there for.</summary>
[TestClass]
public sealed class OnnxCheckerTests
{
    private static readonly Lazy<GraphProto> Graph = new(() =>
    {
        using var classifier = new EncoderFixture("bert").CreateClassifier();
        using var run = OnnxRun.Of(classifier);
        return run.File.Graph;
    });

    private static readonly Dictionary<string, Action<GraphProto>> Changes = new()
    {
        ["Two nodes are called"] = graph => graph.Node[1].Name = graph.Node[0].Name,
        ["before it is there"] = graph => graph.Node.Insert(0, Taken(graph, graph.Node.Count - 1)),
        ["which is there"] = graph => graph.Node[5].Output[0] = graph.Node[4].Output[0],
        ["is no operator"] = graph => graph.Node[3].OpType = "FusedMatMul",
        ["does not have"] = graph => graph.Node[3].Attribute.Add(new AttributeProto { Name = "speed", Type = AttributeProto.Types.AttributeType.Int }),
        ["has no type"] = graph => graph.Node.First(node => node.Attribute.Count > 0).Attribute[0].Type = AttributeProto.Types.AttributeType.Undefined,
        ["reads 0 values"] = graph => graph.Node[3].Input.Clear(),
        ["is not described"] = graph => graph.ValueInfo.RemoveAt(2),
        ["no value"] = graph => graph.ValueInfo.Add(new ValueInfoProto { Name = "ghost", Type = graph.ValueInfo[0].Type }),
        ["Nothing reads"] = graph => graph.Initializer.Add(new TensorProto { Name = "unread" }),
        ["twice, or empty"] = graph => graph.Initializer.Add(graph.Initializer[0]),
    };

    public static IEnumerable<object[]> Rows => Changes.Keys.Select(expected => new object[] { expected });

    [TestMethod]
    public void Problem_GraphAsWritten_IsNone() => Assert.AreEqual("", OnnxChecker.Problem(Graph.Value));

    [TestMethod]
    [DynamicData(nameof(Rows))]
    public void Problem_ChangedGraph_IsFound(string expected)
    {
        var graph = Graph.Value.Clone();

        Changes[expected](graph);

        StringAssert.Contains(OnnxChecker.Problem(graph), expected);
    }

    private static NodeProto Taken(GraphProto graph, int place)
    {
        var node = graph.Node[place];
        graph.Node.RemoveAt(place);
        return node;
    }
}
