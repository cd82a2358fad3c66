using System.Security.Cryptography;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The SHA-256 of contents, as 64 lower-case hexadecimal digits: what <c>sha256sum</c> prints.</summary>
internal static class ContentHash
{
    /// <summary>Computes the hash of bytes.</summary>
    public static string Of(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>Computes the hash of the rest of a stream.</summary>
    public static string Of(Stream content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>Computes the hash of what is written.</summary>
    /// <param name="write">Writes the content.</param>
    /// <param name="destination">Takes it too, and is left open; null for nothing.</param>
    public static string Of(Action<Stream> write, Stream? destination = null)
    {
        using var hash = SHA256.Create();
        using (var stream = new CryptoStream(destination ?? Stream.Null, hash, CryptoStreamMode.Write, leaveOpen: true))
        {
            write(stream);
        }

        return Convert.ToHexStringLower(hash.Hash!);
    }
}
