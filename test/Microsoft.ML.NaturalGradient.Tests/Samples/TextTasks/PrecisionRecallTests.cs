using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class PrecisionRecallTests
{
    [TestMethod]
    public void Curve_Rows_HighestScoreFirst_EqualOnesTogether()
    {
        var curve = PrecisionRecall.Curve([(false, 0.1f), (true, 0.9f), (true, 0.5f), (false, 0.5f)]);

        CollectionAssert.AreEqual(new[] { (0.5, 1.0), (1.0, 2.0 / 3), (1.0, 0.5) }, curve.ToArray());
    }

    [TestMethod]
    public void Curve_NoRowWithTheClass_IsEmpty() => Assert.IsEmpty(PrecisionRecall.Curve([(false, 0.1f)]));
}
