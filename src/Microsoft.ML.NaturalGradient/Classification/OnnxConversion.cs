using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using OnnxMessages;
using static TorchSharp.torch;
using OnnxContext = Microsoft.ML.Model.OnnxConverter.OnnxContext;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Adds a trained model to the graph of a pipeline that ML.NET's <c>ConvertToOnnx</c> writes.</summary>
/// <remarks>
/// The graph reads token ids or pixels, which are inputs of their own beside those of the pipeline's columns: operators of ONNX do not tokenize. Its operators are
/// those of version 12, the newest that the converter writes.
/// </remarks>
internal static class OnnxConversion
{
    private const int OperatorVersion = 12;
    private const string Prefix = "natural_gradient/"; // no column is called so

    /// <summary>Adds a model.</summary>
    /// <param name="context">The graph; changed.</param>
    /// <param name="model">The model; not modified.</param>
    /// <param name="details">How rows are read.</param>
    /// <param name="columns">Names of the columns.</param>
    /// <param name="schema">The rows with their predictions.</param>
    /// <exception cref="NotSupportedException">The task has no columns that a graph can give, or the converter is one that is not known here.</exception>
    public static void Save(OnnxContext context, TrainedNetwork model, ExportDetails details, TargetColumns columns, DataViewSchema schema)
    {
        context.CheckOpSetVersion(OperatorVersion, "NaturalGradient");
        using var use = model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph(model.Network, OnnxPrecision.Float32, OperatorVersion);
        var predictions = model.Target.EmitColumns(graph, model.Network.Emit(graph, details.Pictures), columns).ToArray();
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var input in graph.Inputs)
        {
            names[input.Name] = AddInput(context, input);
        }

        foreach (var initializer in graph.Initializers)
        {
            names[initializer.Value.Name] = AddNumbers(context, initializer);
        }

        foreach (var node in graph.Nodes)
        {
            Add(context, node, names);
        }

        foreach (var (column, value) in predictions)
        {
            var result = context.AddIntermediateVariable(schema[column].Type, column);
            context.CreateNode("Identity", names[value.Name], result, context.GetNodeName($"{Prefix}{column}"), "");
        }
    }

    // The converter makes an input of each column of the data; these are none.
    private static string AddInput(OnnxContext context, OnnxValue input)
    {
        const string method = "AddInputVariable";
        var type = input.Type == OnnxElementType.Int64
            ? new VectorDataViewType(NumberDataViewType.Int64) // as many tokens as there are
            : new VectorDataViewType(NumberDataViewType.Single, input.Shape.Skip(1).Select(dimension => (int)dimension.Value).ToArray());
        var add = context.GetType().GetMethod(method, BindingFlags.Instance | BindingFlags.Public, [typeof(DataViewType), typeof(string)])
            ?? throw new NotSupportedException($"This version of Microsoft.ML.OnnxConverter has no {method}. Use SaveOnnx of the model.");
        add.Invoke(context, [type, input.Name]);
        return context.GetVariableName(input.Name);
    }

    private static string AddNumbers(OnnxContext context, OnnxInitializer initializer)
    {
        using var scope = NewDisposeScope();
        var (name, numbers) = (Prefix + initializer.Value.Name, initializer.Numbers());
        var dimensions = initializer.Value.Shape.Count == 0 ? null : initializer.Value.Shape.Select(dimension => dimension.Value).ToArray();
        return initializer.Value.Type switch
        {
            OnnxElementType.Float when dimensions is null => context.AddInitializer(numbers.data<float>()[0], name),
            OnnxElementType.Float => context.AddInitializer(numbers.data<float>().ToArray(), dimensions, name),
            OnnxElementType.Int64 when dimensions is null => context.AddInitializer(numbers.data<long>()[0], name),
            OnnxElementType.Int64 => context.AddInitializer(numbers.data<long>().ToArray(), dimensions, name),
            OnnxElementType.Bool when dimensions is not null => context.AddInitializer(numbers.data<bool>().ToArray(), dimensions, name),
            _ => throw new NotSupportedException($"ML.NET's converter cannot write {initializer.Value}."),
        };
    }

    private static void Add(OnnxContext context, NodeProto node, Dictionary<string, string> names)
    {
        foreach (var output in node.Output)
        {
            names[output] = context.AddIntermediateVariable(null, Prefix + output, skip: true);
        }

        var added = context.CreateNode(node.OpType, node.Input.Select(input => names[input]), node.Output.Select(output => names[output]), context.GetNodeName(Prefix + node.Name), "");
        foreach (var attribute in node.Attribute)
        {
            switch (attribute.Type)
            {
                case AttributeProto.Types.AttributeType.Int:
                    added.AddAttribute(attribute.Name, attribute.I);
                    break;
                case AttributeProto.Types.AttributeType.Float:
                    added.AddAttribute(attribute.Name, (double)attribute.F);
                    break;
                case AttributeProto.Types.AttributeType.Ints:
                    added.AddAttribute(attribute.Name, attribute.Ints.AsEnumerable());
                    break;
                default:
                    throw new NotSupportedException($"ML.NET's converter cannot write the setting '{attribute.Name}' of {node.OpType}.");
            }
        }
    }
}
