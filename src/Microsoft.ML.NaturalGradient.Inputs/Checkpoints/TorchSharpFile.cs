using System.Text;
using System.Text.Unicode;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A file of TorchSharp's <c>Module.save</c>: named tensors one after the other, read in place.</summary>
/// <remarks>
/// Layout: the number of tensors; then for each its name (length in bytes, UTF-8), the number of its element type, the number of dimensions, the
/// dimensions, and its elements, row-major and little-endian. All numbers are LEB128: seven bits in a byte, the lowest first, the eighth bit says
/// that more follow. There is no header that tells where a tensor lies, so that opening reads all names. Several threads may read at once.
/// </remarks>
internal sealed class TorchSharpFile : ISafetensors
{
    private const int MaxDimensions = 64; // what libtorch's element-wise kernels take
    private const int MaxNameBytes = 4096; // names of modules that lie in each other
    private const int LeastEntryBytes = 4; // a name of one letter, its length, the type, the number of dimensions

    private readonly ByteSource _bytes;
    private readonly OrderedDictionary<string, SafetensorsTensor> _tensors = new(StringComparer.Ordinal);

    private TorchSharpFile(ByteSource bytes, string description)
    {
        _bytes = bytes;
        Description = description;
        try
        {
            ReadEntries();
        }
        catch
        {
            bytes.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Description { get; }

    /// <summary>Names of the tensors, in the order of the file.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>Maps a file into memory.</summary>
    /// <param name="path">Path of the file, which must not change before this object is disposed.</param>
    /// <returns>The opened file; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is no such file, or a damaged one; the message names it and says where.</exception>
    public static TorchSharpFile Open(string path) => new(ByteSource.FromFile(path), $"'{path}'");

    /// <summary>Reads a file that is already in memory; the array is used in place and must not change.</summary>
    /// <param name="content">The file's content.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <returns>The opened file; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is no such file, or a damaged one.</exception>
    public static TorchSharpFile FromMemory(byte[] content, string description) => new(ByteSource.FromArray(content), description);

    /// <inheritdoc/>
    public bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public string FileOf(string name) => Contains(name) ? Description : throw Missing(name);

    /// <inheritdoc/>
    public SafetensorsTensor Describe(string name) => _tensors.TryGetValue(name, out var tensor) ? tensor : throw Missing(name);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> BytesOf(string name, long first, int count)
    {
        var tensor = Describe(name);
        var width = tensor.Type.Size();
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(((first + count) * width) + tensor.Begin, tensor.End);
        return _bytes.Slice(tensor.Begin + (first * width), count * width);
    }

    /// <inheritdoc/>
    public void Dispose() => _bytes.Dispose();

    private void ReadEntries()
    {
        if (_bytes.Length == 0)
        {
            throw Damaged("it is empty");
        }

        var position = 0L;
        var count = ReadNumber(ref position, "the number of its tensors");
        if (count > (_bytes.Length - position) / LeastEntryBytes)
        {
            throw Damaged(FormattableString.Invariant($"it claims {count} tensors, but has {_bytes.Length} bytes in all"));
        }

        for (var entry = 0L; entry < count; entry++)
        {
            var name = ReadName(ref position, entry);
            var tensor = ReadTensor(ref position, name);
            if (!_tensors.TryAdd(name, tensor))
            {
                throw Damaged($"it has tensor '{name}' twice");
            }
        }

        if (position != _bytes.Length)
        {
            throw Damaged(FormattableString.Invariant($"its tensors end at byte {position}, but it has {_bytes.Length} bytes"));
        }
    }

    private string ReadName(ref long position, long entry)
    {
        var what = FormattableString.Invariant($"the name of tensor {entry + 1}");
        var length = ReadNumber(ref position, what);
        if (length is 0 or > MaxNameBytes || length > _bytes.Length - position)
        {
            throw Damaged(FormattableString.Invariant(
                $"{what} has {length} bytes; names have 1 to {MaxNameBytes}, and {_bytes.Length - position} bytes are left"));
        }

        var bytes = _bytes.Slice(position, (int)length);
        position += length;
        return Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Damaged($"{what} is not UTF-8 text");
    }

    private SafetensorsTensor ReadTensor(ref long position, string name)
    {
        var number = ReadNumber(ref position, $"the element type of tensor '{name}'");
        if (TypeOf(number) is not { } type)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"{Description}: tensor '{name}' has the element type {number} of TorchSharp, which is not supported. Save the model with one of {ElementTypes.Names}."));
        }

        var dimensions = ReadNumber(ref position, $"the dimensions of tensor '{name}'");
        if (dimensions > MaxDimensions)
        {
            throw Damaged(FormattableString.Invariant($"tensor '{name}' claims {dimensions} dimensions, more than {MaxDimensions}"));
        }

        var shape = new long[dimensions];
        for (var i = 0; i < shape.Length; i++)
        {
            shape[i] = ReadNumber(ref position, $"the shape of tensor '{name}'");
        }

        var size = SafetensorsHeader.SizeInBytes(shape, type)
            ?? throw Damaged($"tensor '{name}' has the shape {MessageText.Shape(shape)}, whose size overflows");
        var left = _bytes.Length - position;
        if (size > left)
        {
            throw Damaged(FormattableString.Invariant(
                $"tensor '{name}' of shape {MessageText.Shape(shape)} takes {size} bytes, but {left} are left: it is truncated"));
        }

        var tensor = new SafetensorsTensor(type, shape, position, position + size);
        position += size;
        return tensor;
    }

    /// <summary>Reads a number from 0 to 2^63 − 1.</summary>
    private long ReadNumber(ref long position, string what)
    {
        const int bits = 7;
        var value = 0L;
        for (var shift = 0; shift < 9 * bits; shift += bits)
        {
            if (position == _bytes.Length)
            {
                throw Damaged($"it ends within {what}");
            }

            var part = _bytes.Slice(position++, 1)[0];
            value |= (long)(part & 0x7F) << shift;
            if (part < 0x80)
            {
                return value;
            }
        }

        throw Damaged($"{what} begins with a number of more than 63 bits");
    }

    // By the numbers of TorchSharp's ScalarType; complex and quantised numbers have no place in a network that is trained.
    private static ElementType? TypeOf(long number) => number switch
    {
        0 => ElementType.U8,
        1 => ElementType.I8,
        2 => ElementType.I16,
        3 => ElementType.I32,
        4 => ElementType.I64,
        5 => ElementType.F16,
        6 => ElementType.F32,
        7 => ElementType.F64,
        11 => ElementType.BOOL,
        15 => ElementType.BF16,
        _ => null,
    };

    private InvalidDataException Damaged(string what) =>
        new($"{Description} is no file of TorchSharp's Module.save, or a damaged one: {what}. Download or save it again.");

    private InvalidDataException Missing(string name) => new($"{Description} has no tensor '{name}'.");
}
