using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Training;
using static ReplicationSample.Statistics;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Training;

/// <summary>What the checkpoints of a run cost by default: the same training of MiniLM with and without a folder for them, in turns.</summary>
internal static partial class CheckpointCost
{
    private const int Rows = 320;
    private const int Words = 25;
    private const int Epochs = 3;
    private const int Rounds = 3;
    private const double Goal = 0.02; // of an epoch

    private static readonly (string Name, OptimizerOptions Optimizer, AdapterOptions Adapter)[] Jobs =
    [
        ("LoRA, iEF", Optimizers.Ief, Adapters.LoRA),
        ("LoRA, AdamW", Optimizers.AdamW, Adapters.LoRA),
        ("all weights, AdamW", Optimizers.AdamW with { LearningRate = 2e-5 }, Adapters.Full),
    ];

    /// <summary>Trains and prints a table in Markdown; states are written to the folder for temporary files, which TMPDIR names.</summary>
    public static void Run()
    {
        Console.WriteLine("| trained | state, MB | epoch without, s | epoch with, s | a save, ms | of the epoch without, % | 2 % of an epoch of, s |\n|---|---|---|---|---|---|---|");
        foreach (var (name, optimizer, adapter) in Jobs)
        {
            Train(optimizer, adapter, null); // to warm up
            var (without, with, saves) = (new List<double>(), new List<double>(), new List<double>());
            var bytes = 0L;
            for (var round = 0; round < Rounds; round++)
            {
                var folder = Directory.CreateTempSubdirectory("checkpoint-cost").FullName;
                foreach (var hasFolder in round % 2 == 0 ? new[] { false, true } : [true, false])
                {
                    var (epochs, save) = Train(optimizer, adapter, hasFolder ? folder : null);
                    (hasFolder ? with : without).AddRange(epochs);
                    saves.AddRange(hasFolder ? [save] : []);
                }

                bytes = new FileInfo(Path.Combine(folder, TrainingCheckpoints.FileName)).Length;
                Directory.Delete(folder, recursive: true);
            }

            var cost = Median(saves);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {name} | {bytes / 1e6:F1} | {Median(without):F2} | {Median(with):F2} | {cost * 1000:F0} | {100 * cost / Median(without):F2} | {cost / Goal:F0} |"));
        }
    }

    // Seconds of each epoch but the first, with the save before it, and of a save as the library measures it.
    private static (IReadOnlyList<double> Epochs, double Save) Train(OptimizerOptions optimizer, AdapterOptions adapter, string? folder)
    {
        var (context, ends, save) = (new MLContext(seed: 1), new List<double>(), 0.0);
        context.Log += (_, message) =>
        {
            if (SavedMessage.Match(message.RawMessage) is { Success: true } match)
            {
                save = Number(match.Groups["seconds"]) / Number(match.Groups["count"]);
            }
        };
        var watch = Stopwatch.StartNew();
        var trainer = context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = optimizer,
            Adapter = adapter,
            Sentence1ColumnName = "Text",
            Model = PretrainedModel.MiniLM,
            MaxEpoch = Epochs,
            CheckpointFolder = folder,
            MetricsCallback = progress =>
            {
                if (progress.EndOfEpoch)
                {
                    ends.Add(watch.Elapsed.TotalSeconds);
                }
            },
        });
        using var model = context.Transforms.Conversion.MapValueToKey("Label").Append(trainer)
            .Fit(context.Data.LoadFromEnumerable(TrainedModel.Rows(Rows, Words)));
        return ([.. ends.Zip(ends.Skip(1), (end, next) => next - end)], save);
    }

    private static double Number(Group text) => double.Parse(text.Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"saved: (?<count>\d+), which took (?<seconds>[\d.]+) s")]
    private static partial Regex SavedMessage { get; }
}
