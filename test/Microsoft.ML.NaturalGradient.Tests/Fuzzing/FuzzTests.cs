namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>Ten thousand damaged files: each is read or refused with an error that the documentation names. The verb <c>fuzz</c> of the benchmarks does more.</summary>
[TestClass]
public sealed class FuzzTests
{
    private const int Seed = 20_260;

    private static readonly Lazy<IReadOnlyList<FuzzTarget>> Targets = new(FuzzTargets.Create);

    [TestMethod]
    public void Read_DamagedFiles_AreReadOrRefused()
    {
        var surprises = new List<string>();
        foreach (var target in Targets.Value.Where(target => !target.IsSealed))
        {
            var outcomes = Try(target, surprises);

            Assert.IsTrue(outcomes.Contains(FuzzOutcome.Refused) && outcomes.Any(outcome => outcome != FuzzOutcome.Refused), target.Name);
        }

        Assert.IsEmpty(surprises, string.Join('\n', surprises));
    }

    [TestMethod]
    public void Load_DamagedSavedModel_IsRefusedOrGivesTheSameScores()
    {
        foreach (var target in Targets.Value.Where(target => target.IsSealed))
        {
            var surprises = new List<string>();

            var outcomes = Try(target, surprises);

            Assert.IsEmpty(surprises, string.Join('\n', surprises));
            Assert.DoesNotContain(FuzzOutcome.Different, outcomes, target.Name);
            Assert.IsGreaterThan(outcomes.Count / 2, outcomes.Count(outcome => outcome == FuzzOutcome.Refused), target.Name);
        }
    }

    private static List<FuzzOutcome> Try(FuzzTarget target, List<string> surprises)
    {
        var outcomes = new List<FuzzOutcome>();
        for (var seed = Seed; seed < Seed + target.Count; seed++)
        {
            try
            {
                outcomes.Add(target.Try(seed));
            }
            catch (Exception e)
            {
                surprises.Add($"{target.Name}, seed {seed}: {e}");
            }
        }

        return outcomes;
    }
}
