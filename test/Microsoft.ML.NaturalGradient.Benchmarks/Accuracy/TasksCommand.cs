using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.Data;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>Tags of words, several labels, numbers and answers on public data: metrics on the development rows after the last epoch.</summary>
/// <remarks>Results are kept in a file, one line for each run, so that a command that was stopped goes on. The rows are those of the reference runs.</remarks>
internal static class TasksCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench tasks --data FOLDER --results FILE [--task NAME]... [--seeds N] [--epochs N] [--encoder NAME] [--rates all]

          --data FOLDER   the data sets
          --results FILE  lines of JSON; runs that are in it are not made again
          --task NAME     wnut17, goemotions, emobank, sts-b or xquad; may be repeated (default all)
          --seeds N       runs of each kind (default 3)
          --epochs N      passes over the rows (default 3; 10 for xquad)
          --encoder NAME  MiniLM (default), BgeSmall or, as BgeSmall:8, its first layers
          --rates all     iEF at rates from 0.5 to 8 instead of its default rate
        """;

    private const int Rows = 2000; // of goemotions, emobank and sts-b
    private const int DevelopmentRows = 800;
    private const int MaxTokens = 128;

    private static readonly string[] Names = ["wnut17", "goemotions", "emobank", "sts-b", "xquad"];

    /// <summary>Trains what the file lacks, and prints a table in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (folder, file) = (options.Required("--data"), options.Required("--results"));
        var (tasks, seeds) = (options.Choices("--task", Names), options.Count("--seeds") ?? 3);
        var encoder = EncoderNames.Parse(options.Text("--encoder") ?? "MiniLM");
        OptimizerOptions[] optimizers =
        [
            .. options.Choice("--rates", "default", "all") == "all" ? new[] { 0.5, 1, 2, 4, 8 }.Select(rate => (OptimizerOptions)(Optimizers.Ief with { LearningRate = rate })) : [Optimizers.Ief],
            .. new[] { 1e-3, 3e-3, 1e-2 }.Select(rate => Optimizers.AdamW with { LearningRate = rate }),
        ];
        var known = ResultFile.Read<Result>(file);
        foreach (var seed in Enumerable.Range(0, seeds))
        {
            foreach (var task in tasks)
            {
                foreach (var optimizer in optimizers)
                {
                    var epochs = options.Count("--epochs") ?? (task == "xquad" ? 10 : 3);
                    var rate = optimizer is AdamWOptions { LearningRate: { } given } ? given : ((IefOptions)optimizer).LearningRate;
                    var key = new Result(task, encoder.ToString(), FormattableString.Invariant($"{optimizer.Name} {rate}").TrimEnd(), epochs, seed, 0, 0, 0, 0);
                    if (known.Any(result => result with { First = 0, Second = 0, Loss = 0, Seconds = 0 } == key))
                    {
                        continue;
                    }

                    var watch = Stopwatch.StartNew();
                    var (first, second, loss) = Train(folder, task, optimizer, seed, encoder, epochs);
                    known.Add(key with { First = first, Second = second, Loss = loss, Seconds = watch.Elapsed.TotalSeconds });
                    File.AppendAllText(file, JsonSerializer.Serialize(known[^1]) + "\n");
                }
            }
        }

        Print(known);
        return 0;
    }

    private static (double First, double Second, double Loss) Train(string folder, string task, OptimizerOptions optimizer, int seed, PretrainedModel encoder, int epochs)
    {
        var context = new MLContext(seed);
        var loss = double.NaN;
        switch (task)
        {
            case "wnut17":
                {
                    var (training, validation) = Keyed(context, Tags(folder, "train"), Tags(folder, "dev"));
                    using var model = context.MulticlassClassification.Trainers.NamedEntityRecognition(Set(new NamedEntityRecognitionTrainer.Options(), validation)).Fit(training);
                    var metrics = context.MulticlassClassification.EvaluateNamedEntities(model.Transform(validation));
                    return (metrics.F1, metrics.TagAccuracy, loss);
                }

            case "goemotions":
                {
                    var (training, validation) = Keyed(context, Emotions(folder, "train").Take(Rows), Emotions(folder, "dev").Take(DevelopmentRows));
                    using var model = context.MulticlassClassification.Trainers.MultiLabelClassification(Set(new MultiLabelClassificationTrainer.Options(), validation)).Fit(training);
                    var metrics = context.MulticlassClassification.EvaluateMultiLabel(model.Transform(validation));
                    return (metrics.MicroF1, metrics.MacroF1, loss);
                }

            case "xquad":
                {
                    var (training, validation) = (context.Data.LoadFromEnumerable(Questions(folder, "train").ToArray()), context.Data.LoadFromEnumerable(Questions(folder, "dev").ToArray()));
                    var options = Set(new QuestionAnswerTrainer.Options(), validation);
                    (options.MaxSequenceLength, options.BatchSize) = (256, 16);
                    using var model = context.MulticlassClassification.Trainers.QuestionAnswer(options).Fit(training);
                    var metrics = context.MulticlassClassification.EvaluateQuestionAnswers(model.Transform(validation));
                    return (metrics.ExactMatch, metrics.F1, loss);
                }

            default:
                {
                    var (train, dev) = task == "emobank"
                        ? (Valences(folder, "train").Take(Rows), Valences(folder, "dev").Take(DevelopmentRows)) : (Similarities(folder, "train").Take(Rows), Similarities(folder, "dev").Take(DevelopmentRows));
                    var (training, validation) = (context.Data.LoadFromEnumerable(train.ToArray()), context.Data.LoadFromEnumerable(dev.ToArray()));
                    var options = Set(new TextRegressionTrainer.Options(), validation);
                    options.Sentence2ColumnName = task == "emobank" ? null : "Sentence2";
                    using var model = context.Regression.Trainers.TextRegression(options).Fit(training);
                    var scored = model.Transform(validation);
                    return (Pearson(scored), context.Regression.Evaluate(scored).RSquared, loss);
                }
        }

        T Set<T>(T options, IDataView validation)
            where T : TextTrainerOptions
        {
            (options.Optimizer, options.Model, options.MaxEpoch, options.ValidationSet, options.MaxSequenceLength) = (optimizer, encoder, epochs, validation, MaxTokens);
            options.MetricsCallback = progress => loss = progress.EndOfEpoch ? progress.ValidationLoss!.Value : loss;
            return options;
        }
    }

    private static (IDataView Training, IDataView Validation) Keyed<T>(MLContext context, IEnumerable<T> training, IEnumerable<T> validation)
        where T : class
    {
        var view = context.Data.LoadFromEnumerable(training.ToArray());
        var keys = context.Transforms.Conversion.MapValueToKey("Label").Fit(view);
        return (keys.Transform(view), keys.Transform(context.Data.LoadFromEnumerable(validation.ToArray())));
    }

    private static IEnumerable<TaggedText> Tags(string folder, string part)
    {
        var (words, tags) = (new List<string>(), new List<string>());
        foreach (var line in File.ReadLines(Path.Combine(folder, "wnut17", $"{part}.conll")).Append(""))
        {
            if (line.Split('\t') is [var word, var tag])
            {
                words.Add(word);
                tags.Add(tag);
            }
            else if (words.Count > 0)
            {
                yield return new TaggedText { Sentence = [.. words], Label = [.. tags] };
                words.Clear();
                tags.Clear();
            }
        }
    }

    private static IEnumerable<LabelledText> Emotions(string folder, string part) => Fields(folder, "goemotions-ekman", part)
        .Select(fields => new LabelledText { Label = fields[0].Split(','), Sentence1 = fields[1] });

    private static IEnumerable<NumberedText> Valences(string folder, string part) => Fields(folder, "emobank", part)
        .Select(fields => new NumberedText { Label = Number(fields[0]), Sentence1 = fields[3] });

    private static IEnumerable<NumberedText> Similarities(string folder, string part) => Fields(folder, Path.Combine("glue", "STS-B"), part)
        .Where(fields => fields.Length > 9).Select(fields => new NumberedText { Label = Number(fields[9]), Sentence1 = fields[7], Sentence2 = fields[8] });

    private static IEnumerable<Question> Questions(string folder, string part) => Fields(folder, "xquad-en", part)
        .Select(fields => new Question { Context = fields[0], Text = fields[1], TrainingAnswer = fields[2], AnswerIndex = int.Parse(fields[3], CultureInfo.InvariantCulture) });

    private static IEnumerable<string[]> Fields(string folder, string name, string part) => File.ReadLines(Path.Combine(folder, name, $"{part}.tsv")).Skip(1).Select(line => line.Split('\t'));

    private static float Number(string text) => float.Parse(text, CultureInfo.InvariantCulture);

    private static double Pearson(IDataView scored)
    {
        var (a, b) = (scored.GetColumn<float>("Score").ToArray(), scored.GetColumn<float>("Label").ToArray());
        var (meanA, meanB) = (a.Average(), b.Average());
        return a.Zip(b, (x, y) => (x - meanA) * (double)(y - meanB)).Sum()
            / Math.Sqrt(a.Sum(x => (x - meanA) * (double)(x - meanA)) * b.Sum(y => (y - meanB) * (double)(y - meanB)));
    }

    private static void Print(IEnumerable<Result> results)
    {
        Console.WriteLine("| task | encoder | optimizer | epochs | seeds | first | second | loss | s |\n|---|---|---|---|---|---|---|---|---|");
        foreach (var runs in results.GroupBy(result => (result.Task, result.Encoder, result.Optimizer, result.Epochs)).OrderBy(runs => runs.Key))
        {
            Console.WriteLine(
                $"| {runs.Key.Task} | {runs.Key.Encoder} | {runs.Key.Optimizer} | {runs.Key.Epochs} | {runs.Count()} | {runs.Average(run => run.First):F3} | {runs.Average(run => run.Second):F3} | "
                + $"{runs.Average(run => run.Loss):F3} | {runs.Average(run => run.Seconds):F0} |");
        }
    }

    // First and Second: span F1 and tag accuracy, micro and macro F1, Pearson's correlation and R², exact match and F1.
    private sealed record Result(string Task, string Encoder, string Optimizer, int Epochs, int Seed, double First, double Second, double Loss, double Seconds);

    private sealed class TaggedText
    {
        public string[] Sentence { get; set; } = [];

        public string[] Label { get; set; } = [];
    }

    private sealed class LabelledText
    {
        public string[] Label { get; set; } = [];

        public string Sentence1 { get; set; } = "";
    }

    private sealed class NumberedText
    {
        public float Label { get; set; }

        public string Sentence1 { get; set; } = "";

        public string Sentence2 { get; set; } = "";
    }

    private sealed class Question
    {
        public string Context { get; set; } = "";

        [ColumnName("Question")]
        public string Text { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }
}
