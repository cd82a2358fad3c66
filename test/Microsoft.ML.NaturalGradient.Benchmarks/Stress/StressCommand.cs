using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Stress;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Stress;

/// <summary>Scoring and training beside a thread that collects garbage, and models disposed while threads score: the tests' runs, but long.</summary>
internal static class StressCommand
{
    private const int Rounds = 200;
    private const int Fits = 50;
    private const int StepsOfAFit = 200;

    private static readonly MLContext Context = new(seed: 1);
    private static readonly string[] Texts = ["a film that was good", "dull, a bad song"];
    private static readonly byte[][] Pictures = [Picture(1), Picture(2)];

    /// <summary>Runs all and prints two tables.</summary>
    /// <param name="calls">Calls that score, of all models together.</param>
    /// <returns>Zero when nothing failed.</returns>
    public static int Run(int calls)
    {
        TextClassificationTransformer[] texts = [FitTexts(TinyModels.Bert()), FitTexts(TinyModels.T5())];
        var pictures = FitPictures();
        Console.WriteLine("| beside collections | calls | collections | exceptions or other scores |\n|---|---|---|---|");
        var failed = Count("BERT, two texts", calls * 2 / 5, () => texts[0].Model.PredictProbabilities(Texts))
            + Count("T5, two texts", calls * 2 / 5, () => texts[1].Model.PredictProbabilities(Texts))
            + Count("ViT, two pictures", calls / 5, () => pictures.Model.PredictProbabilities(Pictures))
            + CountFits();

        Console.WriteLine($"\n| disposed by two threads while three score, {Rounds} times | calls that ended normally | ObjectDisposedException | other ends |\n|---|---|---|---|");
        failed += Dispose("BERT", texts[0], loaded => ((TextClassificationTransformer)loaded).Model.PredictProbabilities(Texts))
            + Dispose("T5", texts[1], loaded => ((TextClassificationTransformer)loaded).Model.PredictProbabilities(Texts))
            + Dispose("ViT", pictures, loaded => ((ImageClassificationTransformer)loaded).Model.PredictProbabilities(Pictures));
        return failed == 0 ? 0 : 1;
    }

    private static int Count(string name, int calls, Func<IReadOnlyList<float[]>> score)
    {
        var expected = score();
        var (count, collections, failures) = StressRun.BesideCollections(0, () => StressRun.Same(expected, score()), calls: calls);
        return Print($"{name}, scored", count, collections, failures);
    }

    private static int CountFits()
    {
        var model = TinyModels.Bert();
        var (count, collections, failures) = StressRun.BesideCollections(0, () => FitTexts(model, StepsOfAFit).Dispose(), callsToWarmUp: 1, calls: Fits);
        return Print($"BERT, AdamW, {StepsOfAFit} steps", count, collections, failures);
    }

    private static int Dispose(string name, ITransformer trained, Func<ITransformer, IReadOnlyList<float[]>> score)
    {
        using var stream = new MemoryStream();
        Context.Model.Save(trained, null, stream);
        var expected = score(trained);
        var (calls, disposed, others) = (0L, 0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            stream.Position = 0;
            var loaded = Context.Model.Load(stream, out _);
            void Call() => StressRun.Same(expected, score(loaded));
            var (count, ends) = StressRun.DisposeWhileCalled((IDisposable)loaded, [Call, Call, Call]);
            calls += count;
            disposed += ends.Count(end => end is ObjectDisposedException);
            others += ends.Count(end => end is not ObjectDisposedException);
        }

        Console.WriteLine($"| {name} | {calls} | {disposed} | {others} |");
        return others;
    }

    private static int Print(string name, long calls, int collections, IReadOnlyList<Exception> failures)
    {
        Console.WriteLine($"| {name} | {calls} | {collections} | {failures.Count} |");
        foreach (var failure in failures.DistinctBy(failure => failure.Message))
        {
            Console.Error.WriteLine(failure);
        }

        return failures.Count;
    }

    private static TextClassificationTransformer FitTexts(PretrainedModel model, int steps = 2)
    {
        var rows = Context.Data.LoadFromEnumerable(TrainedModel.Rows(8 * steps));
        return Context.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = Optimizers.AdamW,
            Model = model,
            Sentence1ColumnName = "Text",
            BatchSize = 8,
            MaxEpoch = 1,
        }).Fit(Context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows));
    }

    private static ImageClassificationTransformer FitPictures()
    {
        var rows = Context.Data.LoadFromEnumerable(Enumerable.Range(0, 8).Select(i => new PictureRow { Label = i % 2 == 0 ? "yes" : "no", Picture = Pictures[i % 2] }));
        return Context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
        {
            Model = TinyModels.ViT(),
            FeatureColumnName = nameof(PictureRow.Picture),
            Epoch = 1,
            ValidationSetFraction = 0,
        }).Fit(Context.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows));
    }

    private static byte[] Picture(int seed)
    {
        using var bitmap = new SKBitmap(30, 26);
        var random = new Random(seed);
        bitmap.Pixels = [.. Enumerable.Range(0, bitmap.Width * bitmap.Height).Select(_ => new SKColor((uint)random.Next() | 0xFF000000))];
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        return data.ToArray();
    }

    private sealed class PictureRow
    {
        public string Label { get; set; } = "";

        [VectorType]
        public byte[] Picture { get; set; } = [];
    }
}
