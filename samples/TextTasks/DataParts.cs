using Samples;

namespace TextTasksSample;

/// <summary>Training and test rows.</summary>
internal sealed record DataParts<T>(IReadOnlyList<T> Training, IReadOnlyList<T> Test)
{
    private const int Every = 5;

    /// <summary>Keeps the last row of every five for the test.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="file">The file they come from, for messages.</param>
    public static DataParts<T> Divide(IReadOnlyList<T> rows, string file) => rows.Count >= Every
        ? new DataParts<T>([.. rows.Where((_, i) => i % Every != Every - 1)], [.. rows.Where((_, i) => i % Every == Every - 1)])
        : throw new UsageException($"\"{file}\" has only {rows.Count} usable rows. At least {Every} are needed, of which one is for the test.");

    /// <summary>The first rows of each part.</summary>
    public DataParts<T> Take(int training, int test) => new([.. Training.Take(training)], [.. Test.Take(test)]);
}
