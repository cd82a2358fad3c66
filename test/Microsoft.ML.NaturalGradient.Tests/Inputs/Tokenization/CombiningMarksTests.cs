using System.Globalization;
using System.Text;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class CombiningMarksTests
{
    private static readonly Rune[] Marks =
    [
        .. Enumerable.Range(0x300, 0xE01F0 - 0x300).Where(Rune.IsValid).Select(value => new Rune(value))
            .Where(rune => Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark),
        new('\uFF9E'), new('\uFF9F'),
    ];

    [TestMethod]
    [DataRow(NormalizationForm.FormC)]
    [DataRow(NormalizationForm.FormD)]
    [DataRow(NormalizationForm.FormKC)]
    [DataRow(NormalizationForm.FormKD)]
    public void Normalize_RunsOfEveryMark_EqualsTheLibrary(NormalizationForm form)
    {
        var random = new Random(1);
        var marks = Marks.Concat(Marks).ToArray();
        random.Shuffle(marks);
        foreach (var run in marks.Chunk(300).Where(run => run.Length == 300)) // short enough for the library's insertion
        {
            var text = $"Caf\u00E9 \u1EC7{string.Concat(run)}a\u0301\u0316 \uAC00{string.Concat(run.Reverse())}";

            Assert.AreNotEqual(text, CombiningMarks.OrderLongRuns(text, form));
            Assert.AreEqual(text.Normalize(form), UnicodeText.Normalize(text, form));
        }
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("plain")]
    [DataRow("e\u0301\u0316")]
    public void OrderLongRuns_OrdinaryText_IsReturnedItself(string text)
    {
        text = string.Concat(Enumerable.Repeat(text + "\u6F22", 100));

        Assert.AreSame(text, CombiningMarks.OrderLongRuns(text, NormalizationForm.FormD));
    }

    [TestMethod]
    [Timeout(60_000, CooperativeCancellation = false)] // insertion one by one takes over an hour
    public void Normalize_MegabyteOfMarks_IsLinear()
    {
        var marks = string.Concat(Enumerable.Repeat("\u0301\u0316", 250_000));

        var normalized = UnicodeText.Normalize("e" + marks, NormalizationForm.FormC);

        Assert.AreEqual("\u00E9" + new string('\u0316', 250_000) + new string('\u0301', 249_999), normalized);
    }
}
