using Samples;
using SkiaSharp;
using static TorchSharp.torch;

namespace ReplicationSample;

/// <summary>Pictures as rows of numbers, standardised by the mean and deviation of each channel over the training pictures.</summary>
/// <param name="Inputs">The pixels, [N, 3·S·S]; in the caller's dispose scope.</param>
/// <param name="Labels">The classes, int64, [N]; in the caller's dispose scope.</param>
/// <param name="ClassCount">How many classes there are.</param>
internal sealed record PictureTensors(Tensor Inputs, Tensor Labels, int ClassCount)
{
    private const int Channels = 3;

    public int Count => (int)Labels.shape[0];

    /// <summary>Reads both parts; tensors belong to the caller's dispose scope.</summary>
    /// <param name="data">The pictures.</param>
    /// <param name="size">Width and height; null for those of the first picture.</param>
    public static (PictureTensors Training, PictureTensors Validation) Read(TaskData data, int? size)
    {
        if (data.Kind != TaskKind.Pictures)
        {
            throw new UsageException("mlp and pruning need pictures. Use the task pictures or cifar10.");
        }

        var classes = data.Training.Select(row => row.Label).Distinct().Order(StringComparer.Ordinal).ToArray();
        var side = size ?? Decode(data.Training[0].Picture).Width;
        var (training, validation) = (Pixels(data.Training, side), Pixels(data.Validation, side)); // [N, S·S, 3]
        var (mean, deviation) = (training.mean([0, 1]), training.std([0, 1])); // [3]
        return (Standardised(training, data.Training), Standardised(validation, data.Validation));

        PictureTensors Standardised(Tensor pixels, IReadOnlyList<TaskRow> rows) => new(
            pixels.sub(mean).div(deviation).flatten(1),
            tensor([.. rows.Select(row => (long)Array.IndexOf(classes, row.Label))]),
            classes.Length);
    }

    /// <summary>Some of the rows.</summary>
    public (Tensor Inputs, Tensor Labels) Rows(long[] rows)
    {
        var index = tensor(rows);
        return (Inputs.index_select(0, index), Labels.index_select(0, index));
    }

    private static Tensor Pixels(IReadOnlyList<TaskRow> rows, int side)
    {
        var numbers = new float[rows.Count * side * side * Channels];
        foreach (var (row, picture) in rows.Index())
        {
            using var decoded = Decode(picture.Picture);
            using var resized = decoded.Width == side && decoded.Height == side
                ? decoded.Copy()
                : decoded.Resize(new SKSizeI(side, side), new SKSamplingOptions(SKFilterMode.Linear));
            foreach (var (place, pixel) in resized.Pixels.Index())
            {
                var first = ((row * side * side) + place) * Channels;
                (numbers[first], numbers[first + 1], numbers[first + 2]) = (pixel.Red / 255f, pixel.Green / 255f, pixel.Blue / 255f);
            }
        }

        return tensor(numbers, [rows.Count, side * side, Channels]);
    }

    private static SKBitmap Decode(byte[] picture) =>
        SKBitmap.Decode(picture) ?? throw new UsageException("A picture cannot be decoded.");
}
