using ModelBuilderSample;
using Samples;

namespace TextClassificationSample;

/// <summary>Training and test rows: the same for every trainer and every run.</summary>
internal sealed record DataSplit(
    IReadOnlyList<ReviewModel.ModelInput> TrainingRows, IReadOnlyList<ReviewModel.ModelInput> TestRows)
{
    private const int Seed = 1;

    /// <summary>Shuffles the rows; a file too small for both keeps a fifth for the test.</summary>
    public static DataSplit Create(IReadOnlyList<ReviewModel.ModelInput> rows, int trainingRows, int testRows)
    {
        var shuffled = rows.ToArray();
        new Random(Seed).Shuffle(shuffled);
        testRows = Math.Min(testRows, Math.Max(rows.Count - trainingRows, rows.Count / 5));
        trainingRows = Math.Min(trainingRows, rows.Count - testRows);
        var split = new DataSplit(shuffled[testRows..(testRows + trainingRows)], shuffled[..testRows]);
        if (testRows == 0 || split.TrainingRows.DistinctBy(row => row.Label).Count() < 2)
        {
            throw new UsageException(
                $"Training needs rows of at least two classes and rows left for the test, but the file has only {rows.Count} "
                + $"usable rows in {rows.DistinctBy(row => row.Label).Count()} classes and {trainingRows} of them are for training. "
                + "Use a larger file or more --rows.");
        }

        return split;
    }
}
