using CsCheck;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Tests.Oracles;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ResamplerTests
{
    // Fifty weights of 22 bits, each half a unit wrong, times 255; so ties may be rounded either way.
    private const double WeightError = 2e-3;

    private static readonly Gen<int> Side = Gen.Int[1, 50];
    private static readonly Gen<ResampleFilter> Filter = Gen.Int[2, 3].Select(number => (ResampleFilter)number);

    [TestMethod]
    public void Resize_OneAxis_IsTheRoundedFloat64Sum() => Gen.Select(Side, Side, Side, Filter, Gen.Int, Gen.Bool).Check(
        200,
        draw =>
        {
            var (sourceWidth, sourceHeight, target, filter, seed, isRows) = draw;
            var image = Pictures.Noise(sourceWidth, sourceHeight, seed);
            var expected = isRows ? NaiveResampler.ResizeRows(image, target, filter) : NaiveResampler.ResizeColumns(image, target, filter);

            var actual = isRows
                ? Resampler.Resize(image, image.Bounds, target, sourceHeight, filter)
                : Resampler.Resize(image, image.Bounds, sourceWidth, target, filter);

            return expected.Zip(actual.Pixels).All(pair => Math.Abs(pair.First - pair.Second) <= 0.5 + WeightError);
        });

    [TestMethod]
    public void Resize_BothAxes_IsRowsThenColumns() => Gen.Select(Side, Side, Side, Side, Filter, Gen.Int).Check(
        200,
        draw =>
        {
            var (sourceWidth, sourceHeight, width, height, filter, seed) = draw;
            var image = Pictures.Noise(sourceWidth, sourceHeight, seed);
            var narrow = Resampler.Resize(image, image.Bounds, width, sourceHeight, filter);

            var actual = Resampler.Resize(image, image.Bounds, width, height, filter);

            return Pictures.LargestDifference(Resampler.Resize(narrow, narrow.Bounds, width, height, filter), actual) == 0;
        });

    [TestMethod]
    public void ResizeAndCrop_AnyWindow_IsACutOutOfTheWhole() => Gen.Select(Side, Side, Side, Side, Filter, Gen.Int[0, 1000000]).Check(
        200,
        draw =>
        {
            var (sourceWidth, sourceHeight, width, height, filter, seed) = draw;
            var image = Pictures.Noise(sourceWidth, sourceHeight, seed);
            var window = Inside(width, height, new Random(seed));
            var expected = Pictures.Cut(Resampler.Resize(image, image.Bounds, width, height, filter), window);

            var actual = Resampler.ResizeAndCrop(image, image.Bounds, width, height, window, filter);

            return Pictures.LargestDifference(expected, actual) == 0;
        });

    [TestMethod]
    public void Resize_Part_DoesNotReadPixelsAroundIt() => Gen.Select(Side, Side, Side, Side, Filter, Gen.Int[0, 1000000]).Check(
        200,
        draw =>
        {
            var (sourceWidth, sourceHeight, width, height, filter, seed) = draw;
            var image = Pictures.Noise(sourceWidth, sourceHeight, seed);
            var part = Inside(sourceWidth, sourceHeight, new Random(seed));
            var cut = Pictures.Cut(image, part);

            var actual = Resampler.Resize(image, part, width, height, filter);

            return Pictures.LargestDifference(Resampler.Resize(cut, cut.Bounds, width, height, filter), actual) == 0;
        });

    [TestMethod]
    public void ResizeAndCrop_WindowLargerThanPicture_IsBlackAround()
    {
        var image = Pictures.Noise(4, 3, 1);

        var result = Resampler.ResizeAndCrop(image, image.Bounds, 4, 3, new PixelBox(-2, -1, 9, 5), ResampleFilter.Bicubic);

        Pictures.AssertSame(
            Pictures.FromPixels(9, 5, (x, y) => x is >= 2 and < 6 && y is >= 1 and < 4 ? Pictures.At(image, x - 2, y - 1) : default), result);
    }

    [TestMethod]
    [DataRow(2)]
    [DataRow(3)]
    public void Resize_OneColor_StaysThatColor(int filter)
    {
        var image = Pictures.FromPixels(31, 17, (_, _) => (255, 128, 1));

        var result = Resampler.Resize(image, image.Bounds, 224, 5, (ResampleFilter)filter);

        Pictures.AssertSame(Pictures.FromPixels(224, 5, (_, _) => (255, 128, 1)), result);
    }

    private static PixelBox Inside(int width, int height, Random random)
    {
        var (x, y) = (random.Next(width), random.Next(height));
        return new PixelBox(x, y, 1 + random.Next(width - x), 1 + random.Next(height - y));
    }
}
