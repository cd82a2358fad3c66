using System.Globalization;
using OnnxMessages;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>A graph in the making. Every method that adds a node checks what it reads and says what it gives, so that a wrong graph is found where it is built.</summary>
/// <remarks>Operators are those of opset 17, or of 12, the newest that ML.NET's converter writes. The methods for single operators are in <see cref="OnnxArithmetic"/> and its neighbours. Numbers are not read before the graph is written.</remarks>
internal sealed class OnnxGraph
{
    /// <summary>Version of the operators that graphs have where nothing else is asked for.</summary>
    public const int NewestOperators = 17;

    private const double Smallest = 1e-9; // so that vectors of zeros can be divided

    private readonly Dictionary<nn.Module, string> _modules = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OnnxValue> _constants = new(StringComparer.Ordinal);
    private readonly Dictionary<OnnxValue, OnnxValue[]> _quantized = new(ReferenceEqualityComparer.Instance);
    private readonly List<NodeProto> _nodes = [];
    private readonly List<OnnxInitializer> _initializers = [];
    private readonly List<OnnxValue> _inputs = [];
    private readonly List<OnnxValue> _outputs = [];
    private readonly List<OnnxValue> _values = [];
    private string _scope = "";

    /// <summary>Begins a graph.</summary>
    /// <param name="network">The network, whose modules give the nodes their names; stays the caller's.</param>
    /// <param name="precision">The numbers.</param>
    /// <param name="operatorVersion">Version of the operators.</param>
    public OnnxGraph(nn.Module network, OnnxPrecision precision, int operatorVersion = NewestOperators)
    {
        (Precision, OperatorVersion) = (precision, operatorVersion);
        foreach (var (name, module) in network.named_modules())
        {
            _modules.TryAdd(module, name);
        }
    }

    /// <summary>The numbers.</summary>
    public OnnxPrecision Precision { get; }

    /// <summary>Version of the operators.</summary>
    public int OperatorVersion { get; }

    /// <summary>Type of what layers compute with.</summary>
    public OnnxElementType FloatType => Precision == OnnxPrecision.Float16 ? OnnxElementType.Float16 : OnnxElementType.Float;

    /// <summary>The nodes, in an order in which they can be computed.</summary>
    public IReadOnlyList<NodeProto> Nodes => _nodes;

    /// <summary>The numbers that the file holds.</summary>
    public IReadOnlyList<OnnxInitializer> Initializers => _initializers;

    /// <summary>What the graph reads.</summary>
    public IReadOnlyList<OnnxValue> Inputs => _inputs;

    /// <summary>What it gives.</summary>
    public IReadOnlyList<OnnxValue> Outputs => _outputs;

    /// <summary>What the nodes give, but for the outputs.</summary>
    public IEnumerable<OnnxValue> Values => _values.Except(_outputs);

    /// <summary>Gives what is added from now on the name of a module.</summary>
    /// <param name="module">The module, one of the network's.</param>
    /// <returns>Ends this when disposed.</returns>
    public IDisposable Enter(nn.Module module) => Enter(_modules.GetValueOrDefault(module, _scope));

    /// <summary>Gives what is added from now on a name.</summary>
    /// <param name="name">What names begin with.</param>
    /// <returns>Ends this when disposed.</returns>
    public IDisposable Enter(string name)
    {
        var scope = new Scope(this, _scope);
        _scope = name;
        return scope;
    }

    /// <summary>Adds an input.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="type">Type of its numbers.</param>
    /// <param name="shape">Its dimensions.</param>
    public OnnxValue Input(string name, OnnxElementType type, params OnnxDimension[] shape)
    {
        var input = new OnnxValue(Unique(name), type, shape);
        _inputs.Add(input);
        return input;
    }

    /// <summary>Makes a value an output, in float32.</summary>
    /// <param name="name">Name of the output.</param>
    /// <param name="value">The value.</param>
    public void Output(string name, OnnxValue value)
    {
        using var scope = Enter(name);
        // A node of its own: a value that is read inside the graph too keeps its own name.
        var output = new OnnxValue(Unique(name), OnnxElementType.Float, value.Shape);
        var isFloat = value.Type == OnnxElementType.Float;
        _nodes.Add(Node(isFloat ? "Identity" : "Cast", [value], [output], isFloat ? [] : [Attribute("to", (long)OnnxElementType.Float)]));
        _outputs.Add(output);
    }

    /// <summary>Adds a node with one output.</summary>
    /// <param name="operation">Name of the operator.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="type">Type of what it gives.</param>
    /// <param name="shape">Dimensions of what it gives.</param>
    /// <param name="attributes">Its settings.</param>
    /// <returns>What it gives.</returns>
    public OnnxValue Add(
        string operation, IReadOnlyList<OnnxValue> inputs, OnnxElementType type, IReadOnlyList<OnnxDimension> shape, params AttributeProto[] attributes) =>
        AddAll(operation, inputs, [(type, shape)], attributes)[0];

    /// <summary>Adds a node.</summary>
    /// <param name="operation">Name of the operator.</param>
    /// <param name="inputs">What it reads.</param>
    /// <param name="outputs">Types and dimensions of what it gives.</param>
    /// <param name="attributes">Its settings.</param>
    /// <returns>What it gives.</returns>
    public OnnxValue[] AddAll(
        string operation, IReadOnlyList<OnnxValue> inputs, IReadOnlyList<(OnnxElementType Type, IReadOnlyList<OnnxDimension> Shape)> outputs,
        params AttributeProto[] attributes)
    {
        OnnxValue[] results = [.. outputs.Select(output => new OnnxValue(Unique(Path(operation)), output.Type, output.Shape))];
        _nodes.Add(Node(operation, inputs, results, attributes));
        _values.AddRange(results);
        return results;
    }

    /// <summary>Divides vectors by their greatest number and rounds them to 8 bits; what is read by several layers is rounded once.</summary>
    /// <remarks>
    /// ONNX Runtime's operator takes one range for all vectors. Were they not divided before, those of a few tokens would decide how the others are rounded, and padding
    /// and the other rows of a batch would change a row's answer. On MiniLM it halves the error of probabilities and costs nothing that could be measured.
    /// </remarks>
    /// <param name="vectors">The vectors, [..., D], float32.</param>
    /// <returns>The rounded numbers, uint8, what a step is worth, [], what stands for zero, [], and the greatest number of each vector, [..., 1].</returns>
    public (OnnxValue Rounded, OnnxValue Scale, OnnxValue Zero, OnnxValue Greatest) Quantize(OnnxValue vectors)
    {
        if (!_quantized.TryGetValue(vectors, out var parts))
        {
            var greatest = this.Add(this.Max(this.Abs(vectors), -1, keep: true), Scalar(Smallest));
            var divided = this.Div(vectors, greatest);
            parts = [.. AddAll("DynamicQuantizeLinear", [divided], [(OnnxElementType.UInt8, divided.Shape), (OnnxElementType.Float, []), (OnnxElementType.UInt8, [])]), greatest];
            _quantized[vectors] = parts;
        }

        return (parts[0], parts[1], parts[2], parts[3]);
    }

    /// <summary>Adds numbers of the type that layers compute with.</summary>
    /// <param name="name">Their name in the module that was entered last; the same numbers under the same name are added once.</param>
    /// <param name="make">Makes them, when the graph is written.</param>
    /// <param name="shape">Their dimensions.</param>
    public OnnxValue Weight(string name, Func<Tensor> make, params long[] shape) => Numbers(name, FloatType, make, shape);

    /// <summary>Adds numbers of any type.</summary>
    /// <param name="name">Their name in the module that was entered last; the same numbers under the same name are added once.</param>
    /// <param name="type">Their type.</param>
    /// <param name="make">Makes them, when the graph is written.</param>
    /// <param name="shape">Their dimensions.</param>
    public OnnxValue Numbers(string name, OnnxElementType type, Func<Tensor> make, params long[] shape) =>
        Constant(_scope.Length == 0 ? name : $"{_scope}.{name}", type, make, shape);

    /// <summary>Adds a number of the type that layers compute with.</summary>
    /// <param name="value">The number.</param>
    public OnnxValue Scalar(double value) => Scalar(value, FloatType);

    /// <summary>Adds a floating-point number.</summary>
    /// <param name="value">The number.</param>
    /// <param name="type">Its type.</param>
    public OnnxValue Scalar(double value, OnnxElementType type) => Constant(
        string.Create(CultureInfo.InvariantCulture, $"constant/{type}/{value}"), type, () => tensor(value, ScalarType.Float64, CPU), []);

    /// <summary>Adds one whole number, of 64 bits.</summary>
    /// <param name="value">The number.</param>
    public OnnxValue Integer(long value) => Constant(FormattableString.Invariant($"constant/Int64/{value}"), OnnxElementType.Int64, () => tensor(value, ScalarType.Int64, CPU), []);

    /// <summary>Adds whole numbers, of 64 bits, as a vector.</summary>
    /// <param name="values">The numbers.</param>
    public OnnxValue Integers(params long[] values) => Constant(
        $"constant/Int64/[{string.Join(',', values.Select(value => value.ToString(CultureInfo.InvariantCulture)))}]",
        OnnxElementType.Int64, () => tensor(values, device: CPU), [values.Length]);

    /// <summary>A setting that is a whole number.</summary>
    public static AttributeProto Attribute(string name, long value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Int, I = value };

    /// <summary>A setting that is a number.</summary>
    public static AttributeProto Attribute(string name, float value) => new() { Name = name, Type = AttributeProto.Types.AttributeType.Float, F = value };

    /// <summary>A setting that is several whole numbers.</summary>
    public static AttributeProto Attribute(string name, IEnumerable<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    private OnnxValue Constant(string name, OnnxElementType type, Func<Tensor> make, long[] shape)
    {
        if (!_constants.TryGetValue(name, out var value))
        {
            value = new OnnxValue(Unique(name), type, [.. shape.Select(dimension => (OnnxDimension)dimension)]);
            _constants[name] = value;
            _initializers.Add(new OnnxInitializer(value, make));
        }

        return value.Type == type && value.Shape.Select(dimension => dimension.Value).SequenceEqual(shape)
            ? value
            : throw new InvalidOperationException($"There are two tensors '{name}' in the graph.");
    }

    private NodeProto Node(string operation, IReadOnlyList<OnnxValue> inputs, OnnxValue[] outputs, AttributeProto[] attributes)
    {
        var node = new NodeProto { Name = Unique("node:" + Path(operation))["node:".Length..], OpType = operation };
        node.Input.AddRange(inputs.Select(input => input.Name));
        node.Output.AddRange(outputs.Select(output => output.Name));
        node.Attribute.AddRange(attributes);
        return node;
    }

    private string Path(string operation) => _scope.Length == 0 ? operation : $"{_scope}/{operation}";

    private string Unique(string name)
    {
        var unique = name;
        for (var number = 2; !_names.Add(unique); number++)
        {
            unique = FormattableString.Invariant($"{name}_{number}");
        }

        return unique;
    }

    private sealed class Scope(OnnxGraph graph, string previous) : IDisposable
    {
        public void Dispose() => graph._scope = previous;
    }
}
