namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>What the bytes of an ONNX graph say that ONNX Runtime does not tell.</summary>
/// <remarks>Field numbers are those of onnx.proto, version 3 of its intermediate representation.</remarks>
internal sealed class GraphFacts
{
    private const int ExternalLocation = 1;
    private const int MostNames = 8; // a damaged graph may go in circles

    private static readonly string[] Aliases = ["Identity", "Cast", "Reshape", "Concat", "Unsqueeze", "Squeeze"];

    private readonly Dictionary<string, IReadOnlyList<long>> _shapes = new(StringComparer.Ordinal);
    private readonly HashSet<string> _externalFiles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _opsets = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _notes = new(StringComparer.Ordinal);
    private readonly List<(string Type, string[] Inputs, string[] Outputs)> _nodes = [];

    private GraphFacts()
    {
    }

    /// <summary>Version of the standard operators; 0 where it is not told.</summary>
    public long Opset => _opsets.GetValueOrDefault("");

    /// <summary>Names of the files beside the graph that hold weights.</summary>
    public IReadOnlyCollection<string> ExternalFiles => _externalFiles;

    /// <summary>Texts that the writer of the graph left for its readers, by name.</summary>
    public IReadOnlyDictionary<string, string> Notes => _notes;

    /// <summary>Rows of the table from which token ids take their vectors; null where none is found.</summary>
    public long? VocabularySize { get; private set; }

    /// <summary>Reads a graph.</summary>
    /// <param name="graph">Content of the file.</param>
    /// <exception cref="InvalidDataException">It is damaged, or no ONNX graph.</exception>
    public static GraphFacts Read(ReadOnlySpan<byte> graph)
    {
        var (facts, hasGraph) = (new GraphFacts(), false);
        var reader = new ProtobufReader(graph);
        while (reader.MoveNext())
        {
            if (reader.Field == 7)
            {
                hasGraph = true;
                facts.ReadGraph(reader.Content);
            }
            else if (reader.Field == 8)
            {
                facts.ReadOpset(reader.Content);
            }
            else if (reader.Field == 14)
            {
                var (name, text) = ReadPair(reader.Content);
                facts._notes[name] = text;
            }
        }

        if (!hasGraph)
        {
            throw new InvalidDataException("The file is damaged or cut, or it is no ONNX graph.");
        }

        facts.VocabularySize = facts.FindTable("input_ids");
        return facts;
    }

    private void ReadOpset(ReadOnlySpan<byte> message)
    {
        var (domain, version) = ("", 0L);
        for (var reader = new ProtobufReader(message); reader.MoveNext();)
        {
            (domain, version) = reader.Field == 1 ? (reader.Text, version) : reader.Field == 2 ? (domain, reader.Number) : (domain, version);
        }

        _opsets[domain == "ai.onnx" ? "" : domain] = version;
    }

    private void ReadGraph(ReadOnlySpan<byte> message)
    {
        for (var reader = new ProtobufReader(message); reader.MoveNext();)
        {
            if (reader.Field == 1)
            {
                ReadNode(reader.Content);
            }
            else if (reader.Field == 5)
            {
                ReadInitializer(reader.Content);
            }
        }
    }

    private void ReadNode(ReadOnlySpan<byte> message)
    {
        var (type, inputs, outputs) = ("", new List<string>(), new List<string>());
        for (var reader = new ProtobufReader(message); reader.MoveNext();)
        {
            switch (reader.Field)
            {
                case 1:
                    inputs.Add(reader.Text);
                    break;
                case 2:
                    outputs.Add(reader.Text);
                    break;
                case 4:
                    type = reader.Text;
                    break;
            }
        }

        _nodes.Add((type, [.. inputs], [.. outputs]));
    }

    private void ReadInitializer(ReadOnlySpan<byte> message)
    {
        var (name, shape, isExternal, file) = ("", new List<long>(), false, "");
        for (var reader = new ProtobufReader(message); reader.MoveNext();)
        {
            switch (reader.Field)
            {
                case 1 when reader.Content.IsEmpty:
                    shape.Add(reader.Number);
                    break;
                case 1:
                    shape.AddRange(ProtobufReader.Numbers(reader.Content));
                    break;
                case 8:
                    name = reader.Text;
                    break;
                case 13:
                    file = ReadPair(reader.Content) is ("location", var place) ? place : file;
                    break;
                case 14:
                    isExternal = reader.Number == ExternalLocation;
                    break;
            }
        }

        _shapes[name] = shape;
        if (isExternal)
        {
            _externalFiles.Add(file);
        }
    }

    private static (string Key, string Value) ReadPair(ReadOnlySpan<byte> message)
    {
        var (key, value) = ("", "");
        for (var reader = new ProtobufReader(message); reader.MoveNext();)
        {
            (key, value) = reader.Field == 1 ? (reader.Text, value) : reader.Field == 2 ? (key, reader.Text) : (key, value);
        }

        return (key, value);
    }

    // Nodes stand behind those that they use, so that one walk finds what the ids reach before they are looked up.
    private long? FindTable(string ids)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { ids };
        var tables = new Dictionary<string, string>(StringComparer.Ordinal); // weights under another name, as those of fewer bits
        foreach (var (type, inputs, outputs) in _nodes)
        {
            if (type == "Gather" && inputs.Length > 1 && reached.Contains(inputs[1]) && ShapeOf(inputs[0], tables) is [var rows, ..])
            {
                return rows;
            }

            if (Aliases.Contains(type) && inputs.Any(reached.Contains))
            {
                reached.UnionWith(outputs);
            }

            if (type is "DequantizeLinear" or "Cast" && inputs.Length > 0 && outputs.Length > 0)
            {
                tables[outputs[0]] = inputs[0];
            }
        }

        return null;
    }

    private IReadOnlyList<long>? ShapeOf(string name, Dictionary<string, string> tables)
    {
        for (var step = 0; step < MostNames; step++)
        {
            if (_shapes.TryGetValue(name, out var shape))
            {
                return shape;
            }

            if (!tables.TryGetValue(name, out name!))
            {
                return null;
            }
        }

        return null;
    }
}
