using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class TypeConfusionTests
{
    [TestMethod]
    public void Count_Words_ByTypeWithNoneAtTheEnd()
    {
        var confusion = TypeConfusion.Count([(["B-place", "I-place", "O"], ["B-place", "O", "O"]), (["B-person", "O"], ["I-place", ""])]);

        CollectionAssert.AreEqual(new[] { "person", "place", "none" }, confusion.Types.ToArray());
        CollectionAssert.AreEqual(new[] { 0, 1, 0, 0, 1, 1, 0, 0, 2 }, confusion.Counts.Cast<int>().ToArray());
    }
}
