namespace ReplicationSample;

/// <summary>What a run of bench minutes reached.</summary>
/// <param name="Task">The data set.</param>
/// <param name="Way">Encoder, what was trained, and by what.</param>
/// <param name="Minutes">The budget; 0 for what takes as long as it takes.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Accuracy">Validation accuracy at the end.</param>
/// <param name="Loss">Validation loss at the end.</param>
/// <param name="Epochs">Epochs made.</param>
/// <param name="Seconds">Time used.</param>
internal sealed record MinutesResult(string Task, string Way, double Minutes, int Seed, double Accuracy, double Loss, int Epochs, double Seconds)
{
    /// <summary>What tells runs apart.</summary>
    public string Key => FormattableString.Invariant($"{Task}; {Way}; {Minutes}; {Seed}");

    /// <summary>What lines of a picture are called: the ways without the name of the encoder, where no task has two.</summary>
    /// <param name="results">The runs.</param>
    public static IReadOnlyDictionary<string, string> LineNames(IEnumerable<MinutesResult> results)
    {
        var ways = results.Select(result => (result.Task, result.Way)).Distinct().ToArray();
        var isOne = ways.DistinctBy(one => (one.Task, Short(one.Way))).Count() == ways.Length;
        return ways.Select(one => one.Way).Distinct().ToDictionary(way => way, way => isOne ? Short(way) : way);
    }

    private static string Short(string way) => way[(way.IndexOf(": ", StringComparison.Ordinal) is >= 0 and var colon ? colon + 2 : 0)..];
}
