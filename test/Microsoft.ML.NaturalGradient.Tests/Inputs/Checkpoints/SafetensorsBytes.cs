using System.Text;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>Safetensors files made and taken apart by hand, without the code under test.</summary>
internal static class SafetensorsBytes
{
    /// <summary>Length field, header, data.</summary>
    public static byte[] Make(string header, params byte[] data) => Make(Encoding.UTF8.GetBytes(header), data);

    /// <summary>Length field, header, data.</summary>
    public static byte[] Make(byte[] header, params byte[] data) =>
        [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. data];

    /// <summary>A file of one tensor named <c>a</c>.</summary>
    public static byte[] MakeOne(string type, long[] shape, params byte[] data) => Make(
        $$$"""{"a":{"dtype":"{{{type}}}","shape":[{{{string.Join(',', shape)}}}],"data_offsets":[0,{{{data.Length}}}]}}""", data);

    /// <summary>The header of a file, as text.</summary>
    public static string HeaderOf(byte[] file) => Encoding.UTF8.GetString(file, 8, (int)BitConverter.ToUInt64(file));

    /// <summary>The bytes behind the header.</summary>
    public static byte[] DataOf(byte[] file) => file[(8 + (int)BitConverter.ToUInt64(file))..];
}
