using System.Diagnostics;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Transforms.Image;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Scoring;

/// <summary>Texts and pictures a second of a trained pipeline in libtorch, of the same saved for serving in ONNX Runtime, and of ML.NET's own step for graphs.</summary>
/// <remarks>All ways take turns in one process; the numbers are medians of the rounds.</remarks>
internal static class ServingSpeed
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench serving [--rounds N] [--threads N] [--pictures yes]

          --rounds N      turns of each way (default 15)
          --threads N     threads of libtorch and ONNX Runtime (default 1)
          --pictures yes  pictures of 224 × 224 pixels through ViTSmall, too
        """;

    private const int RowsOfARound = 32;

    // Words of one token each, so that a text of n words has n + 2 tokens.
    private static readonly string[] Words = "the film was very good and we saw it again with some of our old friends at home last night".Split(' ');

    /// <summary>Measures and prints tables in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (rounds, threads) = (options.Count("--rounds") ?? 15, options.Count("--threads") ?? 1);
        var withPictures = options.Choice("--pictures", "no", "yes") == "yes";
        TorchSharp.torch.set_num_threads(threads);
        var folder = Directory.CreateTempSubdirectory("serving-speed").FullName;
        try
        {
            Texts(folder, rounds, threads);
            if (withPictures)
            {
                Pictures(folder, rounds, threads);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void Texts(string folder, int rounds, int threads)
    {
        var context = new MLContext(seed: 1).UseOnnxScoring(new OnnxScoringOptions { ThreadCount = threads });
        using var trained = (TransformerChain<TextClassificationTransformer>)TrainedModel.Fit(context);
        var classifier = trained.LastTransformer;
        classifier.Model.MergeAdapter();
        var schema = context.Data.LoadFromEnumerable(TrainedModel.Rows(1)).Schema;
        using var single = Served(context, trained, schema, Path.Combine(folder, "single.zip"), OnnxPrecision.Float32);
        using var whole = Served(context, trained, schema, Path.Combine(folder, "int8.zip"), OnnxPrecision.Int8);
        classifier.Model.SaveOnnx(Path.Combine(folder, "onnx"));
        Console.WriteLine($"| MiniLM, {threads} thread(s) | tokens | libtorch, ms a text | ONNX float32 | ONNX int8 | ML.NET's ApplyOnnxModel | libtorch ÷ float32 | libtorch ÷ int8 |\n|---|---|---|---|---|---|---|---|");
        foreach (var tokens in new[] { 8, 32, 128 })
        {
            var rows = Enumerable.Range(0, RowsOfARound).Select(row => new TrainedModel.Row
            {
                Label = "yes",
                Text = string.Join(' ', Enumerable.Range(0, tokens - 2).Select(word => Words[(row + word) % Words.Length])),
            }).ToArray();
            var (first, second, third) = (Engine(context, trained), Engine(context, single), Engine(context, whole));
            using var others = OwnStep(context, Path.Combine(folder, "onnx", "model.onnx"), classifier, rows, out var ofGraph);
            Print("one at a time", tokens, Turns(
                rounds, () => OneAtATime(first, rows), () => OneAtATime(second, rows), () => OneAtATime(third, rows), ofGraph));
            Print("batches of 32", tokens, Turns(
                rounds, () => Batched(context, trained, rows), () => Batched(context, single, rows), () => Batched(context, whole, rows)));
        }
    }

    private static void Pictures(string folder, int rounds, int threads)
    {
        const int count = 8;
        var context = new MLContext(seed: 1).UseOnnxScoring(new OnnxScoringOptions { ThreadCount = threads });
        var rows = Enumerable.Range(0, count).Select(i => new Picture { Label = i % 2 == 0 ? "a" : "b", Features = MLImage.CreateFromPixels(224, 224, MLPixelFormat.Bgra32, Noise(i)) }).ToArray();
        var data = context.Data.LoadFromEnumerable(rows);
        using var trained = context.Transforms.Conversion.MapValueToKey("Label")
            .Append(context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options { Adapter = Adapters.HeadOnly, Epoch = 1, ValidationSetFraction = 0 })).Fit(data);
        using var single = Served(context, trained, data.Schema, Path.Combine(folder, "pictures.zip"), OnnxPrecision.Float32);
        using var whole = Served(context, trained, data.Schema, Path.Combine(folder, "pictures8.zip"), OnnxPrecision.Int8);
        Console.WriteLine($"\n| ViTSmall, 224 × 224, {threads} thread(s) | | libtorch, ms a picture | ONNX float32 | ONNX int8 | | libtorch ÷ float32 | libtorch ÷ int8 |\n|---|---|---|---|---|---|---|---|");
        Print($"batches of {count}", 257, Turns(rounds, () => Score(trained), () => Score(single), () => Score(whole)), count);

        float Score(ITransformer model) => model.Transform(data).GetColumn<float[]>("Score").Sum(scores => scores[0]);
    }

    private static byte[] Noise(int seed)
    {
        var pixels = new byte[4 * 224 * 224];
        new Random(seed).NextBytes(pixels);
        return pixels;
    }

    private static TransformerChain<ITransformer> Served(MLContext context, ITransformer trained, DataViewSchema schema, string path, OnnxPrecision precision)
    {
        context.Model.SaveForServing(trained, schema, path, new OnnxExportOptions { Precision = precision });
        return (TransformerChain<ITransformer>)context.Model.Load(path, out _);
    }

    private static PredictionEngine<TrainedModel.Row, TrainedModel.Prediction> Engine(MLContext context, ITransformer model) =>
        context.Model.CreatePredictionEngine<TrainedModel.Row, TrainedModel.Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false });

    // ML.NET's own step reads numbers of a length that is given: it does not tokenize, and its rows are scored one by one.
    private static PredictionEngine<OwnInput, OwnOutput> OwnStep(MLContext context, string graph, TextClassificationTransformer classifier, TrainedModel.Row[] rows, out Func<float> score)
    {
        var encoding = classifier.Model.Scorer.Predictor.Encoding;
        var inputs = rows.Select(row => new PaddedTokens([encoding.Tokenizer.Encode(row.Text, null, encoding.MaxTokens)], encoding.Tokenizer.PadId))
            .Select(row => new OwnInput { input_ids = row.Ids, attention_mask = row.Mask, token_type_ids = row.TypeIds }).ToArray();
        var width = inputs[0].input_ids.Length;
        var definition = SchemaDefinition.Create(typeof(OwnInput));
        foreach (var column in definition)
        {
            column.ColumnType = new VectorDataViewType(NumberDataViewType.Int64, width);
        }

        var shapes = definition.ToDictionary(column => column.ColumnName, _ => new[] { 1, width });
        var model = context.Transforms.ApplyOnnxModel(graph, shapes).Fit(context.Data.LoadFromEnumerable(inputs, definition));
        var engine = context.Model.CreatePredictionEngine<OwnInput, OwnOutput>(model, inputSchemaDefinition: definition);
        score = () => inputs.Sum(input => engine.Predict(input).probabilities[0]);
        return engine;
    }

    private static float OneAtATime(PredictionEngine<TrainedModel.Row, TrainedModel.Prediction> engine, TrainedModel.Row[] rows) => rows.Sum(row => engine.Predict(row).Scores[0]);

    private static float Batched(MLContext context, ITransformer model, TrainedModel.Row[] rows) =>
        model.Transform(context.Data.LoadFromEnumerable(rows)).GetColumn<float[]>("Score").Sum(scores => scores[0]);

    // Median seconds of a round, for each way.
    private static double[] Turns(int rounds, params Func<float>[] ways)
    {
        var (times, sums) = (ways.Select(_ => new List<double>()).ToArray(), new float[ways.Length]);
        for (var round = -2; round < rounds; round++) // two that do not count
        {
            for (var way = 0; way < ways.Length; way++)
            {
                var start = Stopwatch.GetTimestamp();
                sums[way] = ways[way]();
                if (round >= 0)
                {
                    times[way].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                }
            }
        }

        return sums.Skip(1).Any(sum => Math.Abs(sum - sums[0]) > 0.05 * Math.Abs(sums[0]))
            ? throw new InvalidOperationException($"The ways disagree: {string.Join(", ", sums)}.") : [.. times.Select(Median)];
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    private static void Print(string how, int tokens, double[] seconds, int count = RowsOfARound)
    {
        var cells = seconds.Select(time => $"{1000 * time / count:F2}").Concat(Enumerable.Repeat("–", 4 - seconds.Length));
        Console.WriteLine($"| {how} | {tokens} | {string.Join(" | ", cells)} | {seconds[0] / seconds[1]:F2} | {seconds[0] / seconds[2]:F2} |");
    }

    private sealed class Picture
    {
        public string Label { get; set; } = "";

        [ImageType(224, 224)]
        public MLImage? Features { get; set; }
    }

    /// <summary>What the graph reads, by the names that it gives.</summary>
    private sealed class OwnInput
    {
        public long[] input_ids { get; set; } = [];

        public long[] attention_mask { get; set; } = [];

        public long[] token_type_ids { get; set; } = [];
    }

    private sealed class OwnOutput
    {
        public float[] probabilities { get; set; } = [];
    }
}
