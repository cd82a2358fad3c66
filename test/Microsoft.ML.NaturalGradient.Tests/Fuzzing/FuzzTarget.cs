namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>Something that reads a file.</summary>
/// <param name="Name">What is read.</param>
/// <param name="Original">A file that is read without complaint.</param>
/// <param name="Read">Reads a file, and gives what depends on all of it: scores, or token ids.</param>
/// <param name="Count">How many damaged files a test reads.</param>
/// <param name="IsSealed">Whether a damaged file must never be read as another one: it has checksums.</param>
internal sealed record FuzzTarget(string Name, byte[] Original, Func<byte[], string> Read, int Count, bool IsSealed = false)
{
    private readonly Lazy<string> _expected = new(() => Read(Original));

    /// <summary>Reads a damaged file.</summary>
    /// <param name="seed">Decides the damage.</param>
    /// <returns>What came of it.</returns>
    public FuzzOutcome Try(int seed)
    {
        var random = new Random(seed);
        var content = IsSealed && random.Next(2) == 0 ? Mutation.FlipBit(Original, random) : Mutation.Apply(Original, random);
        try
        {
            return Read(content) == _expected.Value ? FuzzOutcome.Same : FuzzOutcome.Different;
        }
        catch (Exception e) when (IsExpected(e))
        {
            return FuzzOutcome.Refused;
        }
    }

    // What the documentation of the readers names, each with a message of ours; ML.NET's own components report damage by more kinds.
    private bool IsExpected(Exception e) => e.Message.Length > 0 && (IsSealed
        ? e.GetBaseException() is InvalidDataException or IOException or NotSupportedException or InvalidOperationException or ArgumentException or FormatException or OverflowException
        : e is InvalidDataException or IOException or NotSupportedException);
}
