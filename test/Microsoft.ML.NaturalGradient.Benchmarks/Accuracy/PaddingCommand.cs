using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Counts the padding of training batches: with rows of similar length together, and without.</summary>
internal static class PaddingCommand
{
    private const string Usage = """
        Usage: ./build.sh bench padding --data FOLDER [--task NAME]...

          --data FOLDER   the data sets, as for accuracy
          --task NAME     as for encoders; may be repeated (default all)
        """;

    private const int BatchSize = 32;
    private const int Epochs = 20;
    private const int MaxTokens = 96;

    /// <summary>Prints a table in Markdown.</summary>
    /// <param name="arguments">The arguments after <c>padding</c>.</param>
    /// <returns>The exit code.</returns>
    public static int Run(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.Parse(arguments, Usage) is not { } options)
        {
            return 2;
        }

        using var files = PretrainedModel.MiniLM.Open();
        var checkpoint = TextCheckpoint.Load(files);
        using var network = checkpoint.Network;
        Console.WriteLine("| task | tokens of a row | padding, rows as they come | padding, similar lengths together |\n|---|---|---|---|");
        foreach (var task in AccuracyTask.Load(options.Text("--data")!, options.All("--task")))
        {
            int[] lengths = [.. task.Training.Select(row => checkpoint.Tokenizer.Encode(row.Text, null, MaxTokens).Ids.Length)];
            Console.WriteLine($"| {task.Name} | {lengths.Average():F1} | {Share(lengths, false):P0} | {Share(lengths, true):P0} |");
        }

        return 0;
    }

    private static double Share(int[] lengths, bool bucketByLength)
    {
        var order = new EpochOrder(lengths, BatchSize, seed: 1, bucketByLength);
        var computed = Enumerable.Range(0, Epochs).SelectMany(epoch => order.Rows(epoch).Chunk(BatchSize)).Sum(rows => (double)rows.Length * rows.Max(row => lengths[row]));
        return 1 - ((double)Epochs * lengths.Sum() / computed);
    }
}
