using System.Text.Json;
using System.Text.Unicode;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The JSON header of a safetensors file, believed only after every claim in it has been checked.</summary>
internal sealed class SafetensorsHeader
{
    private const string MetadataName = "__metadata__";
    private const int MaxDimensions = 64; // what libtorch's element-wise kernels take

    private readonly string _description;
    private readonly long _dataLength;
    private readonly Dictionary<string, SafetensorsTensor> _tensors = new(StringComparer.Ordinal);
    private Dictionary<string, string>? _metadata;

    private SafetensorsHeader(string description, long dataLength)
    {
        _description = description;
        _dataLength = dataLength;
    }

    /// <summary>The tensors by name, in the order of the header.</summary>
    public IReadOnlyDictionary<string, SafetensorsTensor> Tensors => _tensors;

    /// <summary>Free text that the writer left; empty if none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata ?? [];

    /// <summary>Parses and checks a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataLength">How many bytes follow it.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">The header is malformed or contradicts the file.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength, string description)
    {
        var header = new SafetensorsHeader(description, dataLength);
        if (!Utf8.IsValid(json))
        {
            throw Damaged(description, "its header is not UTF-8 text");
        }
        try
        {
            header.ReadRoot(json);
        }
        // The reader reports an escape such as \ud800 that is no character by InvalidOperationException.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Damaged(description, $"its header is not valid JSON: {e.Message.TrimEnd('.')}", e);
        }
        header.CheckLayout();
        return header;
    }

    /// <summary>The error for a file that cannot be what it claims.</summary>
    public static InvalidDataException Damaged(string description, string what, Exception? cause = null) => new(
        $"{description} is not a valid safetensors file: {what}. Download or export it again.", cause);

    /// <summary>Bytes of a tensor; null if they, or libtorch's strides, do not fit 63 bits.</summary>
    /// <param name="shape">Dimensions, none negative.</param>
    /// <param name="type">Element type.</param>
    public static long? SizeInBytes(long[] shape, ElementType type)
    {
        var size = (UInt128)type.Size();
        foreach (var dimension in shape)
        {
            size *= (UInt128)(ulong)Math.Max(dimension, 1); // both factors are below 2^63
            if (size > long.MaxValue)
            {
                return null;
            }
        }
        return shape.Contains(0) ? 0 : (long)size;
    }

    private InvalidDataException BadTensor(string name, string what) => Damaged(_description, $"tensor '{name}' {what}");

    private void ReadRoot(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json[0] != '{')
        {
            throw Damaged(_description, "its header does not start with '{'");
        }
        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (name == MetadataName)
            {
                ReadMetadata(ref reader);
            }
            else if (!_tensors.TryAdd(name, ReadTensor(ref reader, name)))
            {
                throw Damaged(_description, $"its header lists tensor '{name}' twice");
            }
        }
        reader.Read(); // throws if anything but white space follows the object
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject || _metadata is not null)
        {
            throw Damaged(_description, $"its {MetadataName} is not one object");
        }
        _metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = reader.GetString()!;
            reader.Read();
            if (reader.TokenType != JsonTokenType.String || !_metadata.TryAdd(key, reader.GetString()!))
            {
                throw Damaged(_description, $"the entry '{key}' of its {MetadataName} is not one text");
            }
        }
    }

    private SafetensorsTensor ReadTensor(ref Utf8JsonReader reader, string name)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw BadTensor(name, "is not described by an object");
        }
        string? type = null;
        long[]? shape = null;
        long[]? offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString();
            reader.Read();
            switch (field)
            {
                case "dtype" when type is null && reader.TokenType == JsonTokenType.String:
                    type = reader.GetString();
                    break;
                case "shape" when shape is null:
                    shape = ReadIntegers(ref reader, name, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadIntegers(ref reader, name, field);
                    break;
                case "dtype" or "shape" or "data_offsets":
                    throw BadTensor(name, $"has a malformed or repeated '{field}'");
                default:
                    reader.Skip(); // a later version of the format may say more
                    break;
            }
        }
        if (type is null || shape is null || offsets is not [var begin, var end])
        {
            throw BadTensor(name, "lacks one of 'dtype', 'shape' and 'data_offsets' [begin, end]");
        }
        return CheckTensor(name, type, shape, begin, end);
    }

    private long[] ReadIntegers(ref Utf8JsonReader reader, string name, string field)
    {
        var values = new List<long>();
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw BadTensor(name, $"has a '{field}' that is not a list");
        }
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
            {
                throw BadTensor(name, $"has a '{field}' with something other than whole numbers from 0 to 2^63 - 1");
            }
            if (values.Count == MaxDimensions)
            {
                throw BadTensor(name, $"has more than {MaxDimensions} numbers in its '{field}'");
            }
            values.Add(value);
        }
        return [.. values];
    }

    private SafetensorsTensor CheckTensor(string name, string typeName, long[] shape, long begin, long end)
    {
        if (ElementTypes.Find(typeName) is not { } type)
        {
            throw new InvalidDataException(
                $"{_description}: tensor '{name}' has element type '{typeName}', which is not supported. "
                + $"Export the model with one of {ElementTypes.Names}.");
        }
        if (begin > end || end > _dataLength)
        {
            throw BadTensor(name, $"claims bytes {begin} to {end} of {_dataLength}: the file is truncated or its header lies");
        }
        if (SizeInBytes(shape, type) is not { } size)
        {
            throw BadTensor(name, $"has the shape {MessageText.Shape(shape)}, whose size overflows");
        }
        if (size != end - begin)
        {
            throw BadTensor(name, $"claims {end - begin} bytes, but {typeName} of shape {MessageText.Shape(shape)} takes {size}");
        }
        return new SafetensorsTensor(type, shape, begin, end);
    }

    /// <summary>Sorted by place, every tensor must begin where the one before ends, and the last at the file's end.</summary>
    private void CheckLayout()
    {
        var expected = 0L;
        foreach (var (name, tensor) in _tensors.OrderBy(pair => pair.Value.Begin).ThenBy(pair => pair.Value.End))
        {
            if (tensor.Begin != expected)
            {
                throw tensor.Begin < expected
                    ? BadTensor(name, $"begins at byte {tensor.Begin}, inside another tensor that ends at {expected}")
                    : BadTensor(name, $"begins at byte {tensor.Begin}, which leaves a hole after byte {expected}");
            }
            expected = tensor.End;
        }
        if (expected != _dataLength)
        {
            throw Damaged(
                _description, $"its tensors end at byte {expected}, but {_dataLength} bytes follow the header");
        }
    }
}
