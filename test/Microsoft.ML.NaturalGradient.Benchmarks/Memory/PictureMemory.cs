using Microsoft.ML.NaturalGradient.Benchmarks.Pictures;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>How much the process grows while 5,000 pictures are decoded, kept partly on disk, trained on with iEF, and scored.</summary>
internal static class PictureMemory
{
    private const int Count = 5_000;
    private const int Interval = 1_000;
    private const int BatchSize = 25; // divides the interval
    private const int Size = 42; // nine patches
    private const int Classes = 10;
    private const int DistinctFiles = 50;
    private const long CacheLimit = 1 << 20; // full after about 200 pictures; the others go to the file

    /// <summary>Measures and prints a table.</summary>
    public static void Run()
    {
        var files = SamplePictures.Jpegs(DistinctFiles);
        using var model = SmallVisionModel.Create(Classes, Adapters.LoRA);
        using var cache = new PixelCache(CacheLimit);
        var preprocessor = SmallVisionModel.Preprocessor(Size);
        var augmenter = new ImageAugmenter(new ImageAugmentation { SmallestArea = 1 }, preprocessor, seed: 1);
        Console.WriteLine("| stage | pictures | resident, MB | cache in memory, MB | in its file, MB |\n|---|---|---|---|---|");
        ImageIngest.Fill(Sources(files, cache), augmenter.Prepare, cache, new ImageIngestOptions(), (_, problem) => throw new InvalidDataException(problem));
        Print("decoded", Count, cache);

        var labels = Enumerable.Range(0, Count).Select(row => (long)(row % Classes)).ToArray();
        var source = new ImageTensorSource(labels, row => augmenter.Apply(cache.Read(row), row, 0), preprocessor, BatchSize, seed: 1);
        var loop = new TrainingLoop(model, new SoftmaxCrossEntropy(), new TrainingSettings
        {
            Optimizer = Optimizers.Ief,
            ClassCount = Classes,
            EpochCount = 1,
            Seed = 1,
            Report = progress =>
            {
                if (!progress.EndOfEpoch)
                {
                    PrintEvery("trained", progress.Step * BatchSize, cache);
                }
            },
        });
        loop.Run(source, null);

        using var noGrad = no_grad();
        model.SetTraining(false);
        var scored = 0;
        foreach (var batch in source.Ordered())
        {
            using var owned = batch;
            using var scope = NewDisposeScope();
            _ = model.Forward(batch.Input);
            PrintEvery("scored", scored += BatchSize, cache);
        }
    }

    // Asked for one by one, so that every picture passes by.
    private static IEnumerable<ImageSource> Sources(byte[][] files, PixelCache cache)
    {
        for (var row = 0; row < Count; row++)
        {
            if (row > 0)
            {
                PrintEvery("decoded", row, cache);
            }

            yield return ImageSource.FromBytes(files[row % DistinctFiles], row);
        }
    }

    private static void PrintEvery(string stage, int pictures, PixelCache cache)
    {
        if (pictures % Interval == 0)
        {
            Print(stage, pictures, cache);
        }
    }

    private static void Print(string stage, int pictures, PixelCache cache) => Console.WriteLine(FormattableString.Invariant(
        $"| {stage} | {pictures} | {MemoryGrowth.Resident() / MemoryGrowth.Mebibyte:F0} | {cache.MemoryBytes / MemoryGrowth.Mebibyte:F1} | {cache.FileBytes / MemoryGrowth.Mebibyte:F1} |"));
}
