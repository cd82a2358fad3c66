using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Rows of a data view with a picture and a label.</summary>
internal sealed class ImageRows
{
    private const int MostWarnings = 10;

    private readonly IDataView _data;
    private readonly ImageColumns _columns;
    private readonly ClassTarget _target;
    private readonly ImageReading _reading;
    private readonly FineTuningRun _run;

    /// <summary>Reads the labels.</summary>
    /// <param name="data">The data, whose columns were checked.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="target">What is predicted.</param>
    /// <param name="reading">How pictures are read.</param>
    /// <param name="run">Says when to stop, and takes messages.</param>
    public ImageRows(IDataView data, ImageColumns columns, ClassTarget target, ImageReading reading, FineTuningRun run)
    {
        (_data, _columns, _target, _reading, _run) = (data, columns, target, reading, run);
        var labelled = new List<(long Row, RowLabel Label)>();
        using var cursor = data.GetRowCursor(columns.Target.Inputs.Select(name => data.Schema[name]));
        var labels = new LabelReader(cursor, columns.Target, target);
        while (cursor.MoveNext())
        {
            run.CheckAlive();
            if (labels.TryRead(out var label))
            {
                labelled.Add((cursor.Position, label));
            }
        }

        (Labelled, Unlabelled, Weightless) = (labelled, labels.Unlabelled, labels.Weightless);
    }

    /// <summary>Rows with a label: position and class, in order.</summary>
    public IReadOnlyList<(long Row, RowLabel Label)> Labelled { get; }

    /// <summary>Rows without a label.</summary>
    public int Unlabelled { get; }

    /// <summary>Rows of weight zero.</summary>
    public int Weightless { get; }

    /// <summary>Decodes pictures into the cache.</summary>
    /// <param name="rows">Some of <see cref="Labelled"/>, in order.</param>
    /// <param name="purpose">What they are for.</param>
    /// <param name="images">Takes the pictures.</param>
    /// <returns>The rows whose pictures can be read.</returns>
    /// <exception cref="InvalidDataException">No picture of a class can be read, or a single one cannot and they are not to be skipped.</exception>
    /// <exception cref="IOException">The same for a file, or the cache cannot be written.</exception>
    public IReadOnlyList<ImageExample> Read(
        IReadOnlyList<(long Row, RowLabel Label)> rows, string purpose, PreparedImages images)
    {
        var problems = new List<(double Label, string Problem)>();
        var reading = new ImageIngestOptions { MaxPixels = _reading.MaxPixels, Unreadable = _reading.Unreadable };
        var indices = ImageIngest.Fill(Sources(rows), images.Prepare, images.Cache, reading, Skip, _run.Settings.CancellationToken);
        if (problems.Count > MostWarnings)
        {
            _run.Warn($"{problems.Count - MostWarnings} more {purpose} pictures could not be read and were skipped.");
        }

        CheckOrder(rows, indices);
        var examples = rows.Select((row, i) => new ImageExample(indices[i], i, row.Label)).Where(example => example.Index >= 0).ToArray();
        CheckClasses(rows, examples, problems, purpose);
        _run.Info(
            $"{examples.Length} {purpose} pictures; {Unlabelled} rows skipped without a label, {problems.Count} whose picture could not be read. "
            + $"{images.Cache.MemoryBytes >> 20} MB of pixels in memory, {images.Cache.FileBytes >> 20} MB in a temporary file.");
        return examples;

        void Skip(int position, string problem)
        {
            problems.Add((rows[position].Label.Value, problem));
            if (problems.Count <= MostWarnings)
            {
                _run.Warn($"{problem} The {purpose} row is skipped.");
            }
        }
    }

    // Opened and read on the thread that fills the cache.
    private IEnumerable<ImageSource> Sources(IReadOnlyList<(long Row, RowLabel Label)> rows)
    {
        var feature = _data.Schema[_columns.Feature];
        using var cursor = _data.GetRowCursor([feature]);
        var getter = new ImageGetter(cursor, feature, _reading.MaxPixels);
        for (var next = 0; next < rows.Count && cursor.MoveNext();)
        {
            _run.CheckAlive();
            if (cursor.Position == rows[next].Row)
            {
                next++;
                yield return getter.Read();
            }
        }
    }

    private static void CheckOrder(IReadOnlyList<(long Row, RowLabel Label)> rows, int[] indices)
    {
        if (indices.Length != rows.Count)
        {
            throw new InvalidOperationException(
                $"The data gave {rows.Count} rows when they were read first, but {indices.Length} of them when they were read a second time. "
                + "Fix the rows before training, for example with mlContext.Data.Cache.");
        }
    }

    private void CheckClasses(
        IReadOnlyList<(long Row, RowLabel Label)> rows, ImageExample[] examples, List<(double Label, string Problem)> problems, string purpose)
    {
        var readable = examples.Select(example => example.Label.Value).ToHashSet();
        foreach (var label in rows.Select(row => row.Label.Value).Distinct().Where(label => !readable.Contains(label)))
        {
            throw new InvalidDataException(
                $"The class '{_target.Labels.Names[(int)label]}' has no readable {purpose} picture; {problems.Count(row => row.Label == label)} cannot be read. "
                + $"The first: {problems.First(row => row.Label == label).Problem}");
        }
    }
}
