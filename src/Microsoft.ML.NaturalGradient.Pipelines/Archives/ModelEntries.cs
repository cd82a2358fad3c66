using System.Buffers;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The entries of a saved model, read from its zip with their checksums compared, which neither ML.NET nor .NET's zip reader does.</summary>
internal sealed class ModelEntries
{
    // Deflate packs a run of equal bytes 1030 times; nothing that a model holds packs a tenth as well.
    private const int MostPacked = 100;
    private const int PieceBytes = 1 << 16;

    private static readonly ConditionalWeakTable<ZipArchive, ModelEntries> Opened = [];

    private readonly Dictionary<string, ZipArchiveEntry> _entries = new(StringComparer.Ordinal);

    private ModelEntries(ZipArchive archive)
    {
        foreach (var entry in archive.Entries)
        {
            _entries[Normal(entry.FullName)] = entry; // of two with one name ML.NET takes the last
        }

        foreach (var (path, entry) in _entries)
        {
            CheckLength(path, entry);
        }

        CheckTotal(archive);
        foreach (var (path, entry) in _entries.Where(pair => !IsWeights(pair.Key)))
        {
            using var content = Open(path, entry);
            Check(path, entry, content);
        }
    }

    /// <summary>Opens the entries of a model that is being loaded, and checks all but files of weights, those of other components included.</summary>
    /// <param name="context">The archive.</param>
    /// <exception cref="InvalidDataException">An entry is damaged; the message names it.</exception>
    public static ModelEntries Open(ModelLoadContext context) => Opened.GetValue(Archive(context.Repository), archive => new ModelEntries(archive));

    /// <summary>Reads a file of the component that is being loaded.</summary>
    /// <param name="context">The archive.</param>
    /// <param name="name">Name of the file.</param>
    /// <param name="hash">Its SHA-256 when it was saved; null where the model was saved without.</param>
    /// <returns>Its content.</returns>
    /// <exception cref="InvalidDataException">It is missing, damaged, or far longer than it can be; the message names it.</exception>
    public byte[] Read(ModelLoadContext context, string name, string? hash)
    {
        var entry = Find(context, name);
        if (entry.Length > Array.MaxLength)
        {
            throw Damaged(name, FormattableString.Invariant($"has {entry.Length} bytes, more than can be read"));
        }

        var content = new byte[entry.Length];
        using var stream = Open(name, entry);
        var length = ReadAtMost(name, stream, content);
        if (length < content.Length || ReadAtMost(name, stream, new byte[1]) > 0)
        {
            throw Damaged(name, FormattableString.Invariant($"does not have the {content.Length} bytes that the archive announces"));
        }

        if (hash is null ? Crc32.HashToUInt32(content) != entry.Crc32 : ContentHash.Of(content) != hash)
        {
            throw Damaged(name, "is not what was saved: its checksum differs");
        }

        return content;
    }

    /// <summary>Copies a file of the component that is being loaded, piece by piece.</summary>
    /// <param name="context">The archive.</param>
    /// <param name="name">Name of the file.</param>
    /// <param name="hash">Its SHA-256 when it was saved.</param>
    /// <param name="destination">Takes the content; what it got is not to be used where this throws.</param>
    /// <exception cref="InvalidDataException">It is missing, damaged, or far longer than it can be; the message names it.</exception>
    public void CopyTo(ModelLoadContext context, string name, string hash, Stream destination)
    {
        var entry = Find(context, name);
        using var content = Open(name, entry);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            var left = entry.Length;
            for (int count; left >= 0 && (count = ReadAtMost(name, content, piece)) > 0; left -= count)
            {
                sum.AppendData(piece, 0, count);
                destination.Write(piece, 0, count);
            }

            if (left != 0 || Convert.ToHexStringLower(sum.GetHashAndReset()) != hash)
            {
                throw Damaged(name, "is not what was saved: its checksum differs");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archive")]
    private static extern ref ZipArchive Archive(RepositoryReader reader);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_archiveStream")]
    private static extern ref Stream StreamOf(ZipArchive archive);

    private ZipArchiveEntry Find(ModelLoadContext context, string name)
    {
        if (!_entries.TryGetValue(Normal(Path.Combine(context.Directory ?? "", name)), out var entry))
        {
            throw new InvalidDataException($"There is no '{name}' in the saved model, or its name is damaged. Save the model again.");
        }

        CheckLength(name, entry);
        CheckpointFiles.CheckLength(name, entry.Length, $"'{name}' of the saved model");
        return entry;
    }

    private static string Normal(string path) => path.Replace('\\', '/');

    private static bool IsWeights(string path) => path.EndsWith(".safetensors", StringComparison.Ordinal) || path.EndsWith(".onnx", StringComparison.Ordinal);

    private static void CheckLength(string name, ZipArchiveEntry entry)
    {
        if (entry.Length > CheckpointFiles.MaxSmallBytes && entry.Length / MostPacked > entry.CompressedLength)
        {
            throw Damaged(name, FormattableString.Invariant(
                $"has {entry.CompressedLength} bytes that unpack to {entry.Length}, which no file of a model does"));
        }
    }

    // Entries may lie in one another, so that each seems to be packed as usual and all together are packed a million times.
    private static void CheckTotal(ZipArchive archive)
    {
        var (packed, total) = (StreamOf(archive).Length, 0L);
        foreach (var entry in archive.Entries)
        {
            total = Math.Min(total, long.MaxValue - entry.Length) + entry.Length;
        }

        if (total > CheckpointFiles.MaxSmallBytes && total / MostPacked > packed)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The saved model has {packed} bytes, and its entries unpack to {total}, which those of no model do. Get the model from a source that you trust."));
        }
    }

    private static void Check(string path, ZipArchiveEntry entry, Stream content)
    {
        var piece = ArrayPool<byte>.Shared.Rent(PieceBytes);
        try
        {
            var (crc, left) = (new Crc32(), entry.Length);
            for (int count; left >= 0 && (count = ReadAtMost(path, content, piece)) > 0; left -= count)
            {
                crc.Append(piece.AsSpan(0, count));
            }

            if (left != 0 || crc.GetCurrentHashAsUInt32() != entry.Crc32)
            {
                throw Damaged(path, "is not what was saved: its checksum differs");
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private static Stream Open(string name, ZipArchiveEntry entry)
    {
        try
        {
            return entry.Open();
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw Damaged(name, $"cannot be unpacked ({e.Message.TrimEnd('.')})", e);
        }
    }

    private static int ReadAtMost(string name, Stream stream, Span<byte> buffer)
    {
        try
        {
            return stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw Damaged(name, $"cannot be unpacked ({e.Message.TrimEnd('.')})", e);
        }
    }

    private static InvalidDataException Damaged(string name, string what, Exception? cause = null) => new(
        $"The saved model is damaged: '{name}' {what}. Copy the file again, or save the model again.", cause);
}
