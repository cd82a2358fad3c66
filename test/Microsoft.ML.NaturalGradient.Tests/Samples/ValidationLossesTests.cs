using ImageClassificationSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class ValidationLossesTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("validation-losses").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void Lowest_RunThatGoesOn_KnowsTheEpochsBefore()
    {
        var folder = Path.Combine(_folder, "iEF");
        var first = new ValidationLosses(folder, resume: false);
        first.Add(null);
        first.Add(double.NaN);
        Assert.AreEqual(double.PositiveInfinity, first.Lowest);
        first.Add(0.1);
        first.Add(0.3);

        var second = new ValidationLosses(folder, resume: true);
        second.Add(0.2);

        Assert.AreEqual(0.1, second.Lowest);
        Assert.AreEqual(double.PositiveInfinity, new ValidationLosses(folder, resume: false).Lowest);
    }
}
