using System.Formats.Tar;
using System.IO.Compression;
using Microsoft.ML;

namespace ReplicationSample;

/// <summary>Encoded pictures, as many of each class.</summary>
internal static class PictureRows
{
    private const int Seed = 1;

    /// <summary>The pictures of the image sample.</summary>
    public static TaskData Shipped(Experiment experiment)
    {
        var (train, test) = ImageFolder.ReadTrainTest(Path.Combine(AppContext.BaseDirectory, "Data", "pictures"));
        return Choose(experiment, Read(train), Read(test));

        static IEnumerable<TaskRow> Read(ImageFolder folder) =>
            folder.Rows.Select(row => new TaskRow { Label = row.Label, Picture = File.ReadAllBytes(row.ImagePath) });
    }

    /// <summary>Pictures of CIFAR-10 in two archives, in a folder for each class.</summary>
    public static TaskData Cifar(Experiment experiment, string folder) => Choose(
        experiment,
        Archive(Path.Combine(folder, "cifar10-subset", "cifar10-train.tgz")),
        Archive(Path.Combine(folder, "cifar10-subset", "cifar10-test.tgz")));

    private static IEnumerable<TaskRow> Archive(string path)
    {
        using var file = File.OpenRead(path);
        using var archive = new TarReader(new GZipStream(file, CompressionMode.Decompress));
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry is { EntryType: TarEntryType.RegularFile or TarEntryType.V7RegularFile, DataStream: { } content }
                && entry.Name.Split('/') is [.., var label, var name] && name.EndsWith(".jpg", StringComparison.Ordinal))
            {
                var bytes = new byte[entry.Length];
                content.ReadExactly(bytes);
                yield return new TaskRow { Label = label, Picture = bytes };
            }
        }
    }

    private static TaskData Choose(Experiment experiment, IEnumerable<TaskRow> training, IEnumerable<TaskRow> validation) =>
        new(TaskKind.Pictures, Even(training, experiment.TrainingRows), Even(validation, experiment.ValidationRows));

    /// <summary>The first pictures of each class, in an order that mixes the classes.</summary>
    private static TaskRow[] Even(IEnumerable<TaskRow> rows, int most)
    {
        var classes = rows.GroupBy(row => row.Label).OrderBy(group => group.Key, StringComparer.Ordinal).ToArray();
        var each = Math.Max(1, most / Math.Max(1, classes.Length));
        var chosen = classes.SelectMany(group => group.Take(each)).ToArray();
        new Random(Seed).Shuffle(chosen);
        return chosen;
    }
}
