using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class TextUnitsTests
{
    [TestMethod]
    [DataRow("")]
    [DataRow("  ")]
    [DataRow("one")]
    [DataRow(" In (1999), Zo\u00eb's caf\u0065\u0301 cost \u20ac5.50\u2026 \u4e2d\u6587 \ud83d\ude00\ud83d\ude00!! \u00a0x")]
    public void WordsAndParts_AreExactPartsOfTheText_WithAllButTheSpaces(string text)
    {
        foreach (var units in new[] { TextUnits.Words(text), TextUnits.Parts(text) })
        {
            Assert.IsTrue(units.All(unit => text[unit.Start..unit.End] == unit.Text && unit.Text.Length > 0));
            Assert.IsTrue(units.Zip(units.Skip(1)).All(pair => pair.First.End <= pair.Second.Start));
            Assert.IsTrue(units.All(unit => unit.FollowsSpace == (unit.Start > 0 && char.IsWhiteSpace(text[unit.Start - 1]))));
            Assert.AreEqual(string.Concat(text.Where(letter => !char.IsWhiteSpace(letter))), string.Concat(units.Select(unit => unit.Text)));
        }
    }

    [TestMethod]
    public void Parts_DivideAtPunctuation() => CollectionAssert.AreEqual(
        new[] { "In", "(", "1999", ")", ",", "Zo\u00eb", "'", "s", "\u20ac", "5", ".", "50", "\u4e2d", "\u6587" },
        TextUnits.Parts("In (1999), Zo\u00eb's \u20ac5.50 \u4e2d\u6587").Select(unit => unit.Text).ToArray());
}
