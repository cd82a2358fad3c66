using System.Globalization;
using Google.Protobuf;
using Microsoft.ML.NaturalGradient.Checkpoints;
using OnnxMessages;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Writes a graph as a file, with its numbers in it or, where they are many, in a second file beside it.</summary>
internal static class OnnxFile
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "model.onnx";

    /// <summary>Name of the file with the numbers, where they have one of their own.</summary>
    public const string DataName = "model.onnx_data";

    /// <summary>What the file is told about <see cref="DataName"/>: the SHA-256 of its content.</summary>
    public const string DataHash = "weights_sha256";

    private const int FormatVersion = 8; // of the file format, the one that belongs to the operators
    private const long LargestMessage = 2_000_000_000; // a message has less than 2 GiB, structure included
    private const int Alignment = 4096; // a page, so that the file can be mapped into memory
    private const long LeastExternal = 1024; // shapes and the like are read when the graph is loaded
    private const long PieceElements = 1 << 26; // a span cannot reach across 2 GiB

    /// <summary>Writes a graph.</summary>
    /// <param name="save">The folder.</param>
    /// <param name="graph">The graph, whose numbers are read now.</param>
    /// <param name="notes">Texts that readers of the file find by name.</param>
    /// <param name="largest">Most bytes of numbers in the file itself.</param>
    /// <exception cref="InvalidOperationException">A number is not finite, or the type cannot hold it.</exception>
    public static void Write(FolderSave save, OnnxGraph graph, IEnumerable<KeyValuePair<string, string>> notes, long largest)
    {
        using var scope = NewDisposeScope();
        var model = ModelOf(graph, notes);
        var outside = graph.Initializers.Sum(initializer => initializer.ByteLength) > largest
            ? graph.Initializers.Where(initializer => initializer.ByteLength >= LeastExternal).ToArray() : [];
        if (outside.Length > 0)
        {
            var hash = "";
            save.Write(DataName, stream => hash = ContentHash.Of(target => WriteOutside(target, outside, model.Graph), stream));
            model.MetadataProps.Add(new StringStringEntryProto { Key = DataHash, Value = hash });
        }

        model.Graph.Initializer.AddRange(graph.Initializers.Except(outside).Select(Inside));
        save.Write(FileName, stream => model.WriteTo(stream));
    }

    /// <summary>Writes a graph with all numbers in it.</summary>
    /// <param name="graph">The graph, whose numbers are read now.</param>
    /// <param name="notes">Texts that readers of the file find by name.</param>
    /// <returns>Content of the file.</returns>
    /// <exception cref="InvalidOperationException">A number is not finite, or the type cannot hold it; or there are 2 GB of them or more.</exception>
    public static byte[] ToBytes(OnnxGraph graph, IEnumerable<KeyValuePair<string, string>> notes)
    {
        var bytes = graph.Initializers.Sum(initializer => initializer.ByteLength);
        if (bytes > LargestMessage)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The graph has {bytes} bytes of weights, and one file holds less than 2 GB. Use SaveOnnx, which writes them beside the graph, or numbers of fewer bits."));
        }

        using var scope = NewDisposeScope();
        var model = ModelOf(graph, notes);
        model.Graph.Initializer.AddRange(graph.Initializers.Select(Inside));
        return model.ToByteArray();
    }

    private static ModelProto ModelOf(OnnxGraph graph, IEnumerable<KeyValuePair<string, string>> notes)
    {
        var model = new ModelProto { IrVersion = FormatVersion, ProducerName = "Microsoft.ML.NaturalGradient", Graph = GraphOf(graph) };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = graph.OperatorVersion });
        foreach (var (key, value) in notes)
        {
            model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        }

        return model;
    }

    private static GraphProto GraphOf(OnnxGraph graph)
    {
        var result = new GraphProto { Name = "main" };
        result.Node.AddRange(graph.Nodes);
        result.Input.AddRange(graph.Inputs.Select(Describe));
        result.Output.AddRange(graph.Outputs.Select(Describe));
        result.ValueInfo.AddRange(graph.Values.Select(Describe));
        return result;
    }

    private static ValueInfoProto Describe(OnnxValue value)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange(value.Shape.Select(dimension => dimension.IsKnown
            ? new TensorShapeProto.Types.Dimension { DimValue = dimension.Value }
            : new TensorShapeProto.Types.Dimension { DimParam = dimension.ToString() }));
        return new ValueInfoProto { Name = value.Name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)value.Type, Shape = shape } } };
    }

    private static TensorProto Entry(OnnxInitializer initializer)
    {
        var entry = new TensorProto { Name = initializer.Value.Name, DataType = (int)initializer.Value.Type };
        entry.Dims.AddRange(initializer.Value.Shape.Select(dimension => dimension.Value));
        return entry;
    }

    // The file is written from the memory that the numbers are in; they live in the scope of the writing.
    private static TensorProto Inside(OnnxInitializer initializer)
    {
        var entry = Entry(initializer);
        entry.RawData = UnsafeByteOperations.UnsafeWrap(new TensorMemory(initializer.Numbers()).Memory);
        return entry;
    }

    private static void WriteOutside(Stream stream, IReadOnlyList<OnnxInitializer> initializers, GraphProto graph)
    {
        var offset = 0L;
        foreach (var initializer in initializers)
        {
            var start = (offset + Alignment - 1) / Alignment * Alignment;
            stream.Write(new byte[start - offset]);
            WriteNumbers(stream, initializer);
            offset = start + initializer.ByteLength;
            var entry = Entry(initializer);
            entry.DataLocation = TensorProto.Types.DataLocation.External;
            entry.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = DataName });
            entry.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = start.ToString(CultureInfo.InvariantCulture) });
            entry.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = initializer.ByteLength.ToString(CultureInfo.InvariantCulture) });
            graph.Initializer.Add(entry);
        }
    }

    private static void WriteNumbers(Stream stream, OnnxInitializer initializer)
    {
        using var scope = NewDisposeScope();
        var flat = initializer.Numbers().view(-1);
        for (var first = 0L; first < flat.shape[0]; first += PieceElements)
        {
            stream.Write(flat.narrow(0, first, Math.Min(PieceElements, flat.shape[0] - first)).bytes);
        }
    }
}
