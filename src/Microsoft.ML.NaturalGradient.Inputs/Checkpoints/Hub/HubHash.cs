using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>The two hashes by which a hub announces a file: SHA-256 for large ones, and git's hash of a blob for small ones.</summary>
internal static class HubHash
{
    private const int Sha256Digits = 64;
    private const int GitDigits = 40;

    /// <summary>Whether a text is one of the two; then it is also safe as a file name.</summary>
    public static bool IsHash(string text) => text.Length is Sha256Digits or GitDigits && text.All(char.IsAsciiHexDigitLower);

    /// <summary>Computes the hash of a file.</summary>
    /// <remarks>Git: SHA-1 of <c>"blob " + size + "\0" + content</c>.</remarks>
    /// <param name="path">The file.</param>
    /// <param name="announced">The hash to compare with, which says of which kind it is.</param>
    /// <param name="cancellation">Ends the reading.</param>
    [SuppressMessage("Security", "CA5350", Justification = "Git's format; it finds damage, and every weight file has SHA-256.")]
    public static async Task<string> ComputeAsync(string path, string announced, CancellationToken cancellation)
    {
        await using var content = File.OpenRead(path);
        if (announced.Length == Sha256Digits)
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancellation));
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        hash.AppendData(Encoding.ASCII.GetBytes(FormattableString.Invariant($"blob {content.Length}\0")));
        var buffer = new byte[1 << 16];
        for (int count; (count = await content.ReadAsync(buffer, cancellation)) > 0;)
        {
            hash.AppendData(buffer, 0, count);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
