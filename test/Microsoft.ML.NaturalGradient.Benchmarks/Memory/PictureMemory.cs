using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Memory;

/// <summary>How much the process grows while 5,000 pictures are decoded, kept on disk but for a few, trained on with iEF, and scored.</summary>
internal sealed class PictureMemory
{
    private const int Count = 5_000;
    private const int Interval = 1_000;
    private const int BatchSize = 25; // divides the interval
    private const int Size = 42; // nine patches
    private const int Classes = 10;
    private const int DistinctFiles = 50;
    private const long CacheLimit = 1 << 20; // full after about 200 pictures

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private string _stage = "decoded";
    private int _asked;

    private PictureMemory()
    {
    }

    /// <summary>Measures and prints a table.</summary>
    public static void Run()
    {
        var run = new PictureMemory();
        try
        {
            run.Measure();
        }
        finally
        {
            Directory.Delete(run._folder, recursive: true);
        }
    }

    private void Measure()
    {
        var context = new MLContext(seed: 1) { TempFilePath = _folder };
        var files = SamplePictures.Jpegs(DistinctFiles);
        var rows = context.Data.LoadFromEnumerable(Enumerable.Range(0, Count).Select(
            row => new Row(Asked) { Label = $"{row % Classes}", Features = files[row % DistinctFiles] }));
        Console.WriteLine("| stage | pictures | resident, MB | of the cache on disk, MB |\n|---|---|---|---|");
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(
            context.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
            {
                Epoch = 1,
                BatchSize = BatchSize,
                ImageSize = Size,
                ValidationSetFraction = 0,
                Augmentation = new ImageAugmentation { SmallestArea = 1 },
                CacheMemoryLimit = CacheLimit,
                MetricsCallback = progress =>
                {
                    if (!progress.EndOfEpoch)
                    {
                        PrintEvery("trained", progress.Step * BatchSize);
                    }
                },
            }));
        using var model = pipeline.Fit(rows);
        (_stage, _asked) = ("scored", 0);
        _ = model.Transform(rows).GetColumn<float[]>("Score").Count();
    }

    // A picture is read once to be trained on, and once to be scored.
    private void Asked() => PrintEvery(_stage, ++_asked);

    private void PrintEvery(string stage, int pictures)
    {
        if (pictures % Interval == 0)
        {
            var onDisk = Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
            Console.WriteLine(
                $"| {stage} | {pictures} | {MemoryGrowth.Resident() / MemoryGrowth.Mebibyte:F0} | {onDisk / MemoryGrowth.Mebibyte:F1} |");
        }
    }

    private sealed class Row(Action asked)
    {
        private byte[] _file = [];

        public string Label { get; set; } = "";

        public byte[] Features
        {
            get
            {
                asked();
                return _file;
            }
            set => _file = value;
        }
    }
}
