using System.Diagnostics;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Benchmarks.Steps;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tokenization;
using Samples;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Counts the padding of training batches, with rows of similar length together and without, and measures what it costs to compute it.</summary>
internal static class PaddingCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench padding --data FOLDER [--task NAME]...

          --data FOLDER   the data sets, as for accuracy
          --task NAME     as for encoders; may be repeated (default all)
        """;

    private const int BatchSize = 32;
    private const int Epochs = 20;
    private const int MaxTokens = 96;

    /// <summary>Prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var tasks = AccuracyTask.Chosen(options);
        using var heap = new NativeHeap(); // as in training
        using var files = PretrainedModel.MiniLM.Open();
        var checkpoint = TextCheckpoint.Load(files);
        using var network = new TextClassifier(checkpoint.Encoder, 2, Adapters.LoRA, seed: 1);
        network.SetTraining(true);
        Console.WriteLine(
            "| task | tokens of a row | padding, rows as they come | padding, similar lengths together | AdamW: s an epoch, all computed | without padding | iEF: all computed | without padding |\n"
            + "|---|---|---|---|---|---|---|---|");
        foreach (var task in tasks)
        {
            EncodedRow[] rows = [.. task.Training.Select((row, i) => new EncodedRow(checkpoint.Tokenizer.Encode(row.Text, null, MaxTokens), i % 2))];
            int[] lengths = Array.ConvertAll(rows, row => row.Tokens.Ids.Length);
            var (adamW, ief) = (Epoch(network, rows, Optimizers.AdamW), Epoch(network, rows, Optimizers.Ief));
            Console.WriteLine(
                $"| {task.Name} | {lengths.Average():F1} | {Share(lengths, false):P0} | {Share(lengths, true):P0} | {adamW.Padded:F1} | {adamW.Packed:F1} | {ief.Padded:F1} | {ief.Packed:F1} |");
        }

        return 0;
    }

    // Seconds of the steps of an epoch, each made both ways in turns.
    private static (double Padded, double Packed) Epoch(TextClassifier network, EncodedRow[] rows, OptimizerOptions options)
    {
        using var optimizer = options.Create([.. network.TrainableParameters.Select(named => named.Value)], 1);
        var seconds = new double[2];
        var steps = 0;
        foreach (var batch in new TokenBatchSource(rows, BatchSize, 0, CPU, seed: 1).Shuffled(0))
        {
            using var owned = batch;
            for (var turn = 0; turn < 2; turn++)
            {
                var isPacked = (turn + steps) % 2;
                using var forbidden = PackedRows.Forbid(isPacked == 0);
                var watch = Stopwatch.StartNew();
                TrainingStep.Run(network, batch.Input, batch.Labels, optimizer);
                seconds[isPacked] += watch.Elapsed.TotalSeconds;
            }

            steps++;
        }

        return (seconds[0], seconds[1]);
    }

    private static double Share(int[] lengths, bool bucketByLength)
    {
        var order = new EpochOrder(lengths, BatchSize, seed: 1, bucketByLength);
        var computed = Enumerable.Range(0, Epochs).SelectMany(epoch => order.Rows(epoch).Chunk(BatchSize)).Sum(rows => (double)rows.Length * rows.Max(row => lengths[row]));
        return 1 - ((double)Epochs * lengths.Sum() / computed);
    }
}
