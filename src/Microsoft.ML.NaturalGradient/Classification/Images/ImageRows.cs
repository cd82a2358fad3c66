using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Processes;

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
        var labelled = new List<LabelledRow>();
        using var cursor = data.GetRowCursor(columns.Target.Inputs.Select(name => data.Schema[name]));
        var labels = new LabelReader(cursor, columns.Target, target);
        while (cursor.MoveNext())
        {
            run.CheckAlive();
            if (labels.TryRead(out var label))
            {
                labelled.Add(new LabelledRow(run.Rank, cursor.Position, label));
            }
        }

        (Labelled, Unlabelled, Weightless) = run.OfAllProcesses((labelled, labels.Unlabelled, labels.Weightless), target, group =>
        {
            double[] counts = [labels.Unlabelled, labels.Weightless];
            group.AllReduce(counts);
            return ([.. group.Concatenate(labelled, LabelledRow.Write, LabelledRow.Read)], (int)counts[0], (int)counts[1]);
        });
    }

    /// <summary>Rows with a label, in order.</summary>
    public IReadOnlyList<LabelledRow> Labelled { get; }

    /// <summary>Rows without a label.</summary>
    public int Unlabelled { get; }

    /// <summary>Rows of weight zero.</summary>
    public int Weightless { get; }

    /// <summary>Decodes pictures into the cache.</summary>
    /// <param name="rows">Some of <see cref="Labelled"/>, in order.</param>
    /// <param name="isTraining">Whether they are trained on, so that no class can do without a picture; else they are validated on, and one picture is enough, or none where they were set aside at random.</param>
    /// <param name="images">Takes the pictures.</param>
    /// <returns>The rows whose pictures can be read.</returns>
    /// <exception cref="InvalidDataException">
    /// No picture of a class that is trained on can be read, or none of a validation set, or a single one cannot and they are not to be skipped.
    /// </exception>
    /// <exception cref="IOException">The same for a file, or the cache cannot be written.</exception>
    public IReadOnlyList<ImageExample> Read(IReadOnlyList<LabelledRow> rows, bool isTraining, PreparedImages images)
    {
        var purpose = isTraining ? "training" : "validation";
        int[] places = [.. Enumerable.Range(0, rows.Count).Where(place => rows[place].Process == _run.Rank)];
        var found = new ReadPicture[rows.Count]; // by place among the rows
        var reading = new ImageIngestOptions { MaxPixels = _reading.MaxPixels, Unreadable = _reading.Unreadable };
        var indices = ImageIngest.Fill(
            Sources([.. places.Select(place => rows[place])]), images.Prepare, images.Cache, reading, (position, problem) => found[places[position]] = new ReadPicture(-1, problem),
            _run.Settings.CancellationToken);
        if (indices.Length != places.Length)
        {
            throw NotRepeatable();
        }

        foreach (var (place, index) in places.Zip(indices).Where(pair => pair.Second >= 0))
        {
            found[place] = new ReadPicture(index, null);
        }

        found = _run.OfAllProcesses(found, _target, group => Exchange(group, places, found, images.Cache));
        var problems = found.Where(picture => picture.Problem is not null).Select(picture => picture.Problem!).ToArray();
        foreach (var problem in problems.Take(MostWarnings))
        {
            _run.Warn($"{problem} The {purpose} row is skipped.");
        }

        if (problems.Length > MostWarnings)
        {
            _run.Warn($"{problems.Length - MostWarnings} more {purpose} pictures could not be read and were skipped.");
        }

        CheckClasses(rows, found, isTraining, purpose);
        var examples = rows.Select((row, place) => new ImageExample(found[place].Index, place, row.Label)).Where(example => example.Index >= 0).ToArray();
        _run.Info(
            $"{examples.Length} {purpose} pictures; {Unlabelled} rows skipped without a label, {problems.Length} whose picture could not be read. "
            + $"{images.Cache.MemoryBytes >> 20} MB of pixels in memory, {images.Cache.FileBytes >> 20} MB in a temporary file.");
        return examples;
    }

    // Each process has its own pictures in its cache, and gets those of the others into it.
    private static ReadPicture[] Exchange(ProcessGroup group, int[] places, ReadPicture[] found, PixelCache cache)
    {
        group.GatherItems(places, Write, (_, reader) => found[reader.ReadInt32()] = Read(reader));
        return found;

        void Write(BinaryWriter writer, int place)
        {
            var (index, problem) = found[place];
            writer.Write(place);
            writer.Write(problem ?? "");
            if (problem is null)
            {
                var image = cache.Read(index);
                writer.Write(image.Width);
                writer.Write(image.Height);
                writer.Write(image.Pixels);
            }
        }

        ReadPicture Read(BinaryReader reader)
        {
            if (reader.ReadString() is { Length: > 0 } problem)
            {
                return new ReadPicture(-1, problem);
            }

            var (width, height) = (reader.ReadInt32(), reader.ReadInt32());
            return new ReadPicture(cache.Add(new RgbImage(width, height, reader.ReadBytes(width * height * RgbImage.Channels))), null);
        }
    }

    // Opened and read on the thread that fills the cache. Labels were read before: pictures in another order would get those of others.
    private IEnumerable<ImageSource> Sources(LabelledRow[] rows)
    {
        var feature = _data.Schema[_columns.Feature];
        using var cursor = _data.GetRowCursor(_columns.TrainingInputs.Select(name => _data.Schema[name]));
        var getter = new ImageGetter(cursor, feature, _reading.MaxPixels);
        var labels = new LabelReader(cursor, _columns.Target, _target);
        for (var next = 0; next < rows.Length && cursor.MoveNext();)
        {
            _run.CheckAlive();
            if (cursor.Position == rows[next].Row)
            {
                var expected = rows[next++].Label;
                yield return labels.TryRead(out var label) && label.Value == expected.Value && label.Weight == expected.Weight ? getter.Read() : throw NotRepeatable();
            }
        }
    }

    private static InvalidOperationException NotRepeatable() => new(
        "The data gave its rows in another order, other rows, or not as many, when they were read a second time: pictures are read after the labels. Give rows that can be read again: "
        + "a list in place of a queue or of a query that shuffles them anew, or mlContext.Data.Cache with the names of all columns that are used.");

    private void CheckClasses(IReadOnlyList<LabelledRow> rows, ReadPicture[] found, bool isTraining, string purpose)
    {
        if (!isTraining && Array.TrueForAll(found, picture => picture.Problem is not null))
        {
            var problem = $"No {purpose} picture can be read; there are {found.Length}. The first: {found[0].Problem}";
            if (_run.Settings.ValidationSet is not null)
            {
                throw new InvalidDataException(problem);
            }

            _run.Warn($"{problem} They were set aside by chance (ValidationSetFraction), and the training goes on without any.");
            return;
        }

        foreach (var pictures in rows.Zip(found, (row, picture) => (row.Label, picture.Problem)).GroupBy(pair => pair.Label.Value, pair => pair.Problem))
        {
            if (pictures.All(problem => problem is not null))
            {
                var problem = $"The class '{_target.Labels.Names[(int)pictures.Key]}' has no readable {purpose} picture; {pictures.Count()} cannot be read. The first: {pictures.First()}";
                if (isTraining)
                {
                    throw new InvalidDataException(problem);
                }

                _run.Warn(problem);
            }
        }
    }

    private readonly record struct ReadPicture(int Index, string? Problem); // index in the cache; −1 with a problem
}
