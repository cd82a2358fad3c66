using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class SeparatedTextTests
{
    [TestMethod]
    [DataRow("Label,Text\npos,good\n", "commas")]
    [DataRow("Label;Text\r\npos;good, really\r\n", "semicolons")]
    [DataRow("Label\tText\npos\tgood; really, good\n", "tabs")]
    [DataRow("Label|Text\npos|good\n", "vertical bars")]
    [DataRow("Label;Text;a,b,c,d\npos;good;1\n", "semicolons", DisplayName = "the separator that finds the columns, not the one there is most of")]
    [DataRow("\"Label\",\"Text\"\n\"pos\",\"good\"", "commas")]
    [DataRow("Label, Text \n pos , good \n", "commas", DisplayName = "white space around values")]
    [DataRow("Label;Text;\npos;good;;\n\n", "semicolons", DisplayName = "empty values and lines at the end, as spreadsheets write them")]
    public void Parse_Separator_IsFoundByTheHeader(string text, string separator)
    {
        var table = SeparatedText.Parse(text, ["Label", "Text"], "file");

        Assert.AreEqual(separator, table.Separator);
        Assert.HasCount(1, table.Rows);
        Assert.AreEqual(("pos", true), (table.Rows[0][0], table.Rows[0][1].StartsWith("good", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow(',')]
    [DataRow(';')]
    [DataRow('\t')]
    [DataRow('|')]
    public void Parse_Quotes_HoldSeparatorsQuotesAndLines(char separator)
    {
        var text = $"Label{separator}Text\npos{separator}\"a{separator}b\"\nneg{separator}\"He said \"\"no\"\".\r\nThen nothing.\"\n\"pos\"{separator}plain \"word\"";

        var rows = SeparatedText.Parse(text, ["Label", "Text"], "file").Rows;

        CollectionAssert.AreEqual(
            new[] { $"pos:a{separator}b", "neg:He said \"no\".\r\nThen nothing.", "pos:plain \"word\"" }, rows.Select(row => $"{row[0]}:{row[1]}").ToArray());
    }

    [TestMethod]
    public void Parse_SentencesThatBeginWithAQuote_AreNotJoined()
    {
        const string text = "Label\tText\npos\t\" I love it.\nneg\t\"You'll hate it!\npos\t\" But \"this\" is good\"\nneg\tbad\"\n";

        var rows = SeparatedText.Parse(text, ["Label", "Text"], "file").Rows;

        CollectionAssert.AreEqual(
            new[] { "\" I love it.", "\"You'll hate it!", "\" But \"this\" is good\"", "bad\"" }, rows.Select(row => row[1]).ToArray());
    }

    [TestMethod]
    [DataRow("Label,Text\npos,good, really\n", "Line 2 of \"file\" has 3 values, but the header names 2 columns, separated by commas")]
    [DataRow("Label,Text\npos,good\n\n\"neg\"\n", "Line 4 of \"file\" has 1 values")]
    [DataRow("Label,Text\n\"a\nb\",c\npos\n", "Line 4 of \"file\" has 1 values")]
    [DataRow("", "\"file\" is empty")]
    [DataRow("\n\r\n", "\"file\" is empty")]
    public void Parse_RowsUnlikeTheHeader_AreNamed(string text, string expected)
    {
        var exception = Assert.ThrowsExactly<UsageException>(() => SeparatedText.Parse(text, ["Label", "Text"], "file"));

        Assert.Contains(expected, exception.Message);
    }

    [TestMethod]
    public void Parse_ShippedReviews_ReadsEachLine()
    {
        var file = new FileInfo(AppContext.BaseDirectory).Directory!;
        for (; file is not null && !File.Exists(Path.Combine(file.FullName, "NaturalGradient.MLNet.sln")); file = file.Parent)
        {
        }

        var lines = File.ReadAllLines(Path.Combine(file!.FullName, "samples", "TextClassification", "Data", "reviews.tsv"));

        var table = SeparatedText.Parse(string.Join('\n', lines), ["Label", "Text"], "file");

        Assert.HasCount(lines.Length - 1, table.Rows);
        Assert.IsTrue(table.Rows.All(row => row.Length == 3));
    }
}
