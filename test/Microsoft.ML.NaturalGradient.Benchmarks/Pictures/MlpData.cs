using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>CIFAR-10 pictures for a network that is trained from scratch: standardised per channel, divided in three.</summary>
internal sealed class MlpData : IDisposable
{
    /// <summary>Width and height of the pictures.</summary>
    public const int Size = 32;

    private const int ValidationPerClass = 100;
    private const int BatchSize = 64;

    private readonly PixelCache _cache = new();
    private readonly ImageExample[] _training;
    private readonly ImageExample[] _validation;
    private readonly ImageExample[] _test;
    private readonly ImagePreprocessor _preprocessor;

    /// <summary>Decodes the pictures; of each class of the training archive the last 100 are the validation rows.</summary>
    /// <param name="folder">Folder with the archives.</param>
    public MlpData(string folder)
    {
        var pictures = CifarSubset.Read(folder, "train");
        Classes = [.. pictures.Select(picture => picture.Label).Distinct()];
        var byClass = pictures.GroupBy(picture => picture.Label).ToArray();
        _training = Decode(byClass.SelectMany(group => group.SkipLast(ValidationPerClass)));
        _validation = Decode(byClass.SelectMany(group => group.TakeLast(ValidationPerClass)));
        _test = Decode(CifarSubset.Read(folder, "test"));
        var (mean, deviation) = Statistics();
        _preprocessor = new ImagePreprocessor(
            new ImageSizing { Width = Size, Height = Size }, ResampleFilter.Bilinear, 1 / 255.0, mean, deviation);
    }

    /// <summary>Names of the classes.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Number of rows of each part, in words.</summary>
    public string Description => FormattableString.Invariant($"{_training.Length} training, {_validation.Length} validation, {_test.Length} test rows");

    /// <summary>Rows to train on.</summary>
    /// <param name="seed">Seed of their order.</param>
    public IBatchSource Training(int seed) => Source(_training, seed);

    /// <summary>Rows to choose learning rate and epoch on.</summary>
    public IBatchSource Validation() => Source(_validation, 0);

    /// <summary>Rows that nothing is chosen on.</summary>
    public IBatchSource Test() => Source(_test, 0);

    /// <inheritdoc/>
    public void Dispose() => _cache.Dispose();

    private ImageBatchSource Source(ImageExample[] rows, int seed) => new(rows, new PreparedImages(_cache, _preprocessor, null), BatchSize, CPU, seed);

    private ImageExample[] Decode(IEnumerable<CifarSubset.Picture> pictures)
    {
        var indices = Classes.Index().ToDictionary(pair => pair.Item, pair => pair.Index);
        return [.. pictures.Select((picture, row) => new ImageExample(_cache.Add(picture.Decode()), row, indices[picture.Label]))];
    }

    private (double[] Mean, double[] Deviation) Statistics()
    {
        var (sums, squares) = (new double[RgbImage.Channels], new double[RgbImage.Channels]);
        foreach (var row in _training)
        {
            var image = _cache.Read(row.Index);
            for (var i = 0; i < image.Pixels.Length; i++)
            {
                var value = image.Pixels[i] / 255.0;
                sums[i % RgbImage.Channels] += value;
                squares[i % RgbImage.Channels] += value * value;
            }
        }

        var count = (double)_training.Length * Size * Size;
        var mean = Array.ConvertAll(sums, sum => sum / count);
        return (mean, [.. squares.Zip(mean, (square, m) => Math.Sqrt((square / count) - (m * m)))]);
    }
}
