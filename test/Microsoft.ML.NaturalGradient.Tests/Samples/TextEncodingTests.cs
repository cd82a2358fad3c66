using System.Text;
using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class TextEncodingTests
{
    private const string Text = "Label;Text\npos;gr\u00F6\u00DFer als Caf\u00E9\n";

    [TestMethod]
    [DataRow("utf-8", true)]
    [DataRow("utf-8", false)]
    [DataRow("utf-16", true)]
    [DataRow("utf-16", false)]
    [DataRow("utf-16BE", true)]
    [DataRow("utf-16BE", false)]
    [DataRow("utf-32", true)]
    [DataRow("utf-32BE", true)]
    [DataRow("windows-1252", false)]
    public void Decode_Encoding_IsFoundAndNamed(string name, bool withMark)
    {
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        var encoding = Encoding.GetEncoding(name);
        byte[] bytes = [.. withMark ? encoding.GetPreamble() : [], .. encoding.GetBytes(Text)];

        var (text, found) = TextEncoding.Decode(bytes, "file", null);

        Assert.AreEqual(Text, text);
        StringAssert.StartsWith(found, name);
    }

    [TestMethod]
    public void Decode_Windows1252_SaysWhyAndShowsAWord()
    {
        var (_, found) = TextEncoding.Decode([.. "gr"u8, 0xF6, 0xDF, .. "er"u8], "file", null);

        Assert.AreEqual("windows-1252 (byte 3, 0xF6, is not UTF-8; if \"gr\u00F6\u00DFer\" looks wrong, name the encoding with --encoding)", found);
    }

    [TestMethod]
    public void Decode_NamedEncoding_IsUsed()
    {
        byte[] bytes = [0xCF, 0xF0, 0xE8, 0xE2, 0xE5, 0xF2];

        Assert.AreEqual(("\u041F\u0440\u0438\u0432\u0435\u0442", "windows-1251"), TextEncoding.Decode(bytes, "file", "windows-1251"));
        Assert.AreEqual("a", TextEncoding.Decode([0xEF, 0xBB, 0xBF, (byte)'a'], "file", "utf-8").Text);
    }

    [TestMethod]
    [DataRow(new byte[] { 0x82, 0xB1, 0x81, 0x45 }, null, "byte 1, 0x82, is not UTF-8, and byte 3, 0x81, is not Windows-1252")]
    [DataRow(new byte[] { 0x50, 0x4B, 3, 4, 0, 0, 1 }, null, "is not a text file: byte 5 is zero")]
    [DataRow(new byte[] { 0xEF, 0xBB, 0xBF, 0xF6 }, null, "is not utf-8 as it says: byte 4 cannot be decoded")]
    [DataRow(new byte[] { 0xF6 }, "utf-8", "is not utf-8 as it says")]
    [DataRow(new byte[] { 0x61 }, "klingon", "There is no encoding \"klingon\"")]
    public void Decode_NotText_IsRefusedByName(byte[] bytes, string? name, string expected)
    {
        var exception = Assert.ThrowsExactly<UsageException>(() => TextEncoding.Decode(bytes, "file", name));

        Assert.Contains(expected, exception.Message);
    }
}
