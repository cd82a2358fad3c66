using System.Buffers;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The checksum of a file of weights in a folder, in a file beside it that <c>sha256sum --check</c> reads: one changed bit would change scores without a word.</summary>
internal static class WeightsChecksum
{
    /// <summary>What the name of the file beside ends with.</summary>
    public const string Ending = ".sha256";

    private const int Digits = 64;
    private const int MostBytes = 4096; // no name is longer
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    /// <summary>The content of the file beside.</summary>
    /// <param name="name">Name of the file with weights.</param>
    /// <param name="hash">Its SHA-256.</param>
    public static byte[] Line(string name, string hash) => Encoding.UTF8.GetBytes($"{hash}  {name}\n");

    /// <summary>Compares a file with its checksum; one without any was written by others.</summary>
    /// <param name="path">Path of the file with weights.</param>
    /// <exception cref="InvalidDataException">It has changed since it was saved, or the checksum is none.</exception>
    public static void Check(string path)
    {
        var beside = path + Ending;
        if (!File.Exists(beside))
        {
            return;
        }

        using var list = RegularFile.OpenRead(beside);
        var line = new byte[Math.Min(list.Length, MostBytes)];
        list.ReadExactly(line);
        var expected = Encoding.UTF8.GetString(line).TrimStart('\uFEFF');
        if (expected.Length < Digits || expected.AsSpan(0, Digits).ContainsAnyExcept(HexDigits))
        {
            throw new InvalidDataException($"'{beside}' does not begin with a SHA-256 of {Digits} digits. Copy the folder again, or delete this file to use the weights unchecked.");
        }

        using var weights = RegularFile.OpenRead(path);
        if (!ContentHash.Of(weights).Equals(expected[..Digits], StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException(
                $"'{path}' is not what was saved: its SHA-256 differs from that in '{beside}'. Copy the folder again, save the model again, or, where another program wrote the file on purpose, delete '{Path.GetFileName(beside)}'.");
        }
    }
}
