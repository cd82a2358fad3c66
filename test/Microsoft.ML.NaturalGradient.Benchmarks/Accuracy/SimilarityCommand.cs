using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Trains sentence similarity on STS-B with default settings and prints the correlations on its development rows.</summary>
internal static class SimilarityCommand
{
    private const int Score = 9;
    private const int First = 7;

    /// <summary>Runs and prints a table in Markdown.</summary>
    /// <param name="folder">Folder with <c>glue/STS-B/train.tsv</c> and <c>dev.tsv</c>.</param>
    public static void Run(string folder)
    {
        var (training, validation) = (Read(folder, "train.tsv"), Read(folder, "dev.tsv"));
        Console.WriteLine("| encoder | optimizer | rows | epochs | Pearson | Spearman | mean squared error | s per run |\n|---|---|---|---|---|---|---|---|");
        var encoders = new[] { PretrainedModel.MiniLM, PretrainedModel.BgeSmall with { Layers = 8 } };
        foreach (var (encoder, optimizer) in encoders.SelectMany(encoder => new OptimizerOptions[] { Optimizers.Ief, Optimizers.AdamW }.Select(optimizer => (encoder, optimizer))))
        {
            var context = new MLContext(seed: 1);
            var watch = Stopwatch.StartNew();
            using var model = context.Regression.Trainers.SentenceSimilarity(optimizer, maxEpochs: 3, model: encoder)
                .Fit(context.Data.LoadFromEnumerable(training));
            var view = model.Transform(context.Data.LoadFromEnumerable(validation));
            var (scores, labels) = (Values(view, "Score"), Values(view, "Label"));
            var error = scores.Zip(labels, (score, label) => (score - label) * (score - label)).Average();
            Console.WriteLine(
                $"| {encoder} | {optimizer.Name} | {training.Length} | 3 | {Pearson(scores, labels):F3} | {Pearson(Ranks(scores), Ranks(labels)):F3} | {error:F3} | {watch.Elapsed.TotalSeconds:F0} |");
        }
    }

    private static Pair[] Read(string folder, string file) => [.. File.ReadLines(Path.Combine(folder, "glue", "STS-B", file)).Skip(1)
        .Select(line => line.Split('\t')).Where(fields => fields.Length > Score)
        .Select(fields => new Pair
        {
            Sentence1 = fields[First],
            Sentence2 = fields[First + 1],
            Label = float.Parse(fields[Score], CultureInfo.InvariantCulture),
        })];

    private static double[] Values(IDataView view, string column) => [.. view.GetColumn<float>(column).Select(value => (double)value)];

    private static double Pearson(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        var product = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return product / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }

    // Equal values share the mean of their ranks.
    private static double[] Ranks(double[] values)
    {
        var ranks = new double[values.Length];
        var before = 0;
        foreach (var group in Enumerable.Range(0, values.Length).GroupBy(i => values[i]).OrderBy(group => group.Key))
        {
            foreach (var i in group)
            {
                ranks[i] = before + ((group.Count() - 1) / 2.0);
            }

            before += group.Count();
        }

        return ranks;
    }

    private sealed class Pair
    {
        public float Label { get; set; }

        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";
    }
}
