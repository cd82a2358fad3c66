namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>What other tests rely on.</summary>
[TestClass]
public sealed class FixtureTests
{
    [TestMethod]
    [DataRow(double.NaN)]
    [DataRow(1.0)]
    public void AssertLess_NotANumberOrEqual_Fails(double value) => Assert.ThrowsExactly<AssertFailedException>(() => Fixture.AssertLess(1, value));

    [TestMethod]
    public void Check_PropertyThatFails_NamesSeedAndDraw()
    {
        var draws = new List<int>();

        var failure = Assert.ThrowsExactly<AssertFailedException>(() => CsCheck.Gen.Int[0, 9].Check(100, draw =>
        {
            draws.Add(draw);
            return draws.Count < 5;
        }));

        StringAssert.StartsWith(failure.Message, "DRAWS_SEED=");
        StringAssert.Contains(failure.Message, $"draw 4 of 100: {draws[4]}");
        Assert.IsGreaterThan(1, draws.Distinct().Count());
    }
}
