using Microsoft.ML.NaturalGradient.Models.Onnx;
using OnnxMessages;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>What every file has to be, by the format's specification.</summary>
internal static class OnnxChecker
{
    // Operators of version 17 that are written here: settings that they may have, and how many inputs.
    private static readonly Dictionary<string, (string[] Attributes, int Least, int Most)> Operators = new(StringComparer.Ordinal)
    {
        ["Abs"] = ([], 1, 1),
        ["Add"] = ([], 2, 2),
        ["And"] = ([], 2, 2),
        ["Cast"] = (["to"], 1, 1),
        ["Clip"] = ([], 1, 3),
        ["Concat"] = (["axis"], 1, 99),
        ["Conv"] = (["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"], 2, 3),
        ["CumSum"] = (["exclusive", "reverse"], 2, 2),
        ["Div"] = ([], 2, 2),
        ["DynamicQuantizeLinear"] = ([], 1, 1),
        ["Equal"] = ([], 2, 2),
        ["Erf"] = ([], 1, 1),
        ["Expand"] = ([], 2, 2),
        ["Gather"] = (["axis"], 2, 2),
        ["GatherElements"] = (["axis"], 2, 2),
        ["Gemm"] = (["alpha", "beta", "transA", "transB"], 2, 3),
        ["Greater"] = ([], 2, 2),
        ["Identity"] = ([], 1, 1),
        ["LayerNormalization"] = (["axis", "epsilon", "stash_type"], 2, 3),
        ["LogSoftmax"] = (["axis"], 1, 1),
        ["MatMul"] = ([], 2, 2),
        ["MatMulInteger"] = ([], 2, 4),
        ["Mul"] = ([], 2, 2),
        ["Not"] = ([], 1, 1),
        ["Or"] = ([], 2, 2),
        ["Pow"] = ([], 2, 2),
        ["Range"] = ([], 3, 3),
        ["ReduceMax"] = (["axes", "keepdims"], 1, 1),
        ["ReduceMean"] = (["axes", "keepdims"], 1, 1),
        ["ReduceSum"] = (["keepdims", "noop_with_empty_axes"], 1, 2),
        ["Relu"] = ([], 1, 1),
        ["Reshape"] = (["allowzero"], 2, 2),
        ["Shape"] = (["start", "end"], 1, 1),
        ["Sigmoid"] = ([], 1, 1),
        ["Slice"] = ([], 3, 5),
        ["Softmax"] = (["axis"], 1, 1),
        ["Split"] = (["axis"], 1, 2),
        ["Sqrt"] = ([], 1, 1),
        ["Squeeze"] = ([], 1, 2),
        ["Sub"] = ([], 2, 2),
        ["Tanh"] = ([], 1, 1),
        ["Transpose"] = (["perm"], 1, 1),
        ["Unsqueeze"] = ([], 2, 2),
    };

    /// <summary>Fails with the first thing that is wrong.</summary>
    public static void Check(ModelProto model)
    {
        Assert.AreEqual(8, model.IrVersion);
        Assert.HasCount(1, model.OpsetImport);
        Assert.AreEqual(("", (long)OnnxGraph.NewestOperators), (model.OpsetImport[0].Domain, model.OpsetImport[0].Version));
        var graph = model.Graph;
        Assert.AreEqual("", Problem(graph));
    }

    /// <summary>Describes the first thing that is wrong with a graph; empty where nothing is.</summary>
    public static string Problem(GraphProto graph)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in graph.Input.Select(input => input.Name).Concat(graph.Initializer.Select(initializer => initializer.Name)))
        {
            if (name.Length == 0 || !known.Add(name))
            {
                return $"The name '{name}' is there twice, or empty.";
            }
        }

        var given = new HashSet<string>(StringComparer.Ordinal);
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in graph.Node)
        {
            if (ProblemOf(node) is { } problem)
            {
                return problem;
            }

            if (!names.Add(node.Name))
            {
                return $"Two nodes are called '{node.Name}'.";
            }

            if (node.Input.FirstOrDefault(input => !known.Contains(input)) is { } unknown)
            {
                return $"'{node.Name}' reads '{unknown}' before it is there.";
            }

            if (node.Output.FirstOrDefault(output => output.Length == 0 || !known.Add(output)) is { } repeated)
            {
                return $"'{node.Name}' gives '{repeated}', which is there.";
            }

            given.UnionWith(node.Output);
        }

        var described = graph.ValueInfo.Concat(graph.Output).ToArray();
        return Described(described, given) ?? Used(graph) ?? "";
    }

    private static string? ProblemOf(NodeProto node)
    {
        if (!Operators.TryGetValue(node.OpType, out var rule))
        {
            return $"'{node.Name}' is '{node.OpType}', which is no operator of those that may be written.";
        }

        if (node.Input.Count < rule.Least || node.Input.Count > rule.Most)
        {
            return $"'{node.Name}' reads {node.Input.Count} values.";
        }

        return node.Attribute.FirstOrDefault(attribute => !rule.Attributes.Contains(attribute.Name)) is { } unknown
            ? $"'{node.Name}' has the setting '{unknown.Name}', which {node.OpType} does not have."
            : node.Attribute.FirstOrDefault(attribute => attribute.Type == AttributeProto.Types.AttributeType.Undefined) is { } untyped
                ? $"The setting '{untyped.Name}' of '{node.Name}' has no type." : null;
    }

    private static string? Described(ValueInfoProto[] described, HashSet<string> given)
    {
        if (given.FirstOrDefault(name => described.Count(value => value.Name == name) != 1) is { } undescribed)
        {
            return $"The value '{undescribed}' is not described, or twice.";
        }

        return described.FirstOrDefault(value => !given.Contains(value.Name) || value.Type.TensorType.ElemType == 0) is { } strange
            ? $"'{strange.Name}' is described, but no value, or it has no type." : null;
    }

    private static string? Used(GraphProto graph)
    {
        var read = graph.Node.SelectMany(node => node.Input).Concat(graph.Output.Select(output => output.Name)).ToHashSet(StringComparer.Ordinal);
        var unread = graph.Input.Select(input => input.Name).Concat(graph.Initializer.Select(initializer => initializer.Name))
            .Concat(graph.Node.Where(node => !node.Output.Any(read.Contains)).Select(node => node.Output[0])).FirstOrDefault(name => !read.Contains(name));
        return unread is null ? null : $"Nothing reads '{unread}'.";
    }
}
