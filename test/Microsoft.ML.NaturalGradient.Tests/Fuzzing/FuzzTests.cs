namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>Ten thousand damaged files: each is read or refused with an error that the documentation names. The verb <c>fuzz</c> of the benchmarks does more.</summary>
[TestClass]
public sealed class FuzzTests
{
    private const int Seed = 20_260;

    private static readonly Lazy<IReadOnlyList<FuzzTarget>> Targets = new(FuzzTargets.Create);

    [TestMethod]
    public void Read_DamagedFile_IsReadOrRefused()
    {
        foreach (var target in Targets.Value.Where(target => !target.IsSealed))
        {
            var refused = Enumerable.Range(Seed, target.Count).Count(seed => Try(target, seed) == FuzzOutcome.Refused);

            Assert.IsTrue(refused > 0 && refused < target.Count, $"{target.Name}: {refused} of {target.Count} refused");
        }
    }

    [TestMethod]
    public void Load_DamagedSavedModel_IsRefusedOrGivesTheSameScores()
    {
        var target = Targets.Value.Single(target => target.IsSealed);
        var count = target.Count;

        var outcomes = Enumerable.Range(Seed, count).Select(seed => (Seed: seed, Outcome: Try(target, seed))).ToArray();

        Assert.IsTrue(outcomes.All(pair => pair.Outcome != FuzzOutcome.Different), $"seeds {string.Join(", ", outcomes.Where(pair => pair.Outcome == FuzzOutcome.Different).Select(pair => pair.Seed))}");
        Assert.IsTrue(outcomes.Count(pair => pair.Outcome == FuzzOutcome.Refused) > count / 2);
    }

    private static FuzzOutcome Try(FuzzTarget target, int seed)
    {
        try
        {
            return target.Try(seed);
        }
        catch (Exception e)
        {
            Assert.Fail($"{target.Name}, seed {seed}: {e}");
            throw;
        }
    }
}
