using Microsoft.ML.NaturalGradient.Training;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

[TestClass]
public sealed class RunBudgetTests
{
    private double _now;

    [TestMethod]
    public void NoLimit_IsNeverOver()
    {
        var budget = Budget(null);
        _now = 1e9;

        Assert.AreEqual((false, 0.0, null), (budget.IsOver, budget.Progress, budget.Left));
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(-5)]
    public void NoTimeLeft_IsOverFromTheStart(double seconds)
    {
        var budget = Budget(seconds);

        Assert.AreEqual((true, 1.0, TimeSpan.Zero), (budget.IsOver, budget.Progress, budget.Left));
    }

    [TestMethod]
    public void IsOver_FirstTwoStepsAreHeldUp_EndsNothing()
    {
        var budget = Budget(10, rowsAtEnd: 1000);
        Step(budget, 4, rows: 1); // by this, validation would take twenty minutes
        Assert.IsFalse(budget.IsOver);
        Step(budget, 3, rows: 1);
        Assert.IsFalse(budget.IsOver);
        Assert.AreEqual(0.7, budget.Progress, 1e-12);
        Step(budget, 0.001, rows: 1);
        Assert.IsFalse(budget.IsOver); // 7 s, 1.5 s for a step and 0.3 s

        Assert.AreEqual(7.001 / (10 - (1 / 3.0)), budget.Progress, 1e-4);
    }

    [TestMethod]
    public void IsOver_NothingWasValidated_KeepsAThirdOfARowsTimeFree()
    {
        var budget = Budget(20, rowsAtEnd: 30); // of 0.2 s in steps: 2 s for all
        Step(budget, 5);
        Step(budget, 2);
        Step(budget, 2);

        Assert.AreEqual(9 / 18.0, budget.Progress, 1e-6);
        _now = 16;
        Assert.IsFalse(budget.IsOver); // 16 s, a step of 2 s and 2 s
        _now = 16.1;
        Assert.IsTrue(budget.IsOver);
    }

    [TestMethod]
    public void IsOver_SomethingWasValidated_KeepsItsTimeFree()
    {
        var budget = Budget(30, rowsAtEnd: 1e6);
        Step(budget, 5);
        Step(budget, 2);
        End(budget, 9);
        Assert.IsFalse(budget.IsOver); // 16 s, 2 s and 9 s
        End(budget, 4);

        Assert.AreEqual(20 / 26.0, budget.Progress, 1e-12);
        _now = 24;
        Assert.IsFalse(budget.IsOver);
        _now = 24.1;
        Assert.IsTrue(budget.IsOver);
    }

    [TestMethod]
    public void CountEnd_BeforeAnyStep_MeasuresNothing()
    {
        var budget = Budget(10);
        End(budget, 9);

        Assert.IsFalse(budget.IsOver);
    }

    [TestMethod]
    public void Left_IsNeverNegative()
    {
        var budget = Budget(10);
        _now = 4;
        Assert.AreEqual(TimeSpan.FromSeconds(6), budget.Left);
        _now = 11;
        Assert.AreEqual(TimeSpan.Zero, budget.Left);
    }

    private RunBudget Budget(double? seconds, double rowsAtEnd = 0) =>
        new(seconds is { } time ? TimeSpan.FromSeconds(time) : null, rowsAtEnd, () => TimeSpan.FromSeconds(_now));

    private void Step(RunBudget budget, double seconds, int rows = 10)
    {
        _now += seconds;
        budget.CountStep(rows);
    }

    private void End(RunBudget budget, double seconds)
    {
        _now += seconds;
        budget.CountEnd();
    }
}
