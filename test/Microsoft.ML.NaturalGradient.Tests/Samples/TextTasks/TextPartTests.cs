using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class TextPartTests
{
    [TestMethod]
    public void Divide_MarkedPlaces_StandBetweenTheRest()
    {
        var parts = TextPart.Divide("[red]Anna met Bob", [(5, 4, "person"), (14, 3, "person")]);

        CollectionAssert.AreEqual(new TextPart[] { new("[red]", null), new("Anna", "person"), new(" met ", null), new("Bob", "person") }, parts.ToArray());
    }

    [TestMethod]
    public void Divide_NoMarks_IsTheText() => CollectionAssert.AreEqual(new TextPart[] { new("Anna", null) }, TextPart.Divide("Anna", []).ToArray());

    [TestMethod]
    public void Divide_ControlCharacters_DoNotReachTheTerminal() => Assert.AreEqual("a [31mb c", TextPart.Divide("a\u001b[31mb\nc", [])[0].Text);
}
