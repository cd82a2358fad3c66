using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ImageIngestTests
{
    [TestMethod]
    public void Fill_BadRowsAmongGood_SkipsAndReportsThem()
    {
        using var cache = new PixelCache();
        var problems = new List<(int Row, string Problem)>();

        var indices = ImageIngest.Fill(
            Sources(), image => Resampler.Resize(image, image.Bounds, 4, 4, ResampleFilter.Bilinear), cache,
            new ImageIngestOptions { Parallelism = 3 }, (row, problem) => problems.Add((row, problem)));

        CollectionAssert.AreEqual(new[] { 0, -1, 1, -1, -1, -1, 2 }, indices);
        Assert.AreEqual(3, cache.Count);
        CollectionAssert.AreEqual(new[] { 1, 3, 4, 5 }, problems.Select(problem => problem.Row).ToArray());
        StringAssert.StartsWith(problems[0].Problem, "The picture of row 2 is empty");
        StringAssert.StartsWith(problems[1].Problem, "The picture '/no/such.png' does not exist.");
        StringAssert.StartsWith(problems[2].Problem, "The picture of row 5 is missing.");
        StringAssert.StartsWith(problems[3].Problem, "The picture of row 6 has no path.");
        var picture = Pictures.Noise(9, 8, 2);
        Pictures.AssertSame(Resampler.Resize(picture, picture.Bounds, 4, 4, ResampleFilter.Bilinear), cache.Read(1));
    }

    [TestMethod]
    public void Fill_Stop_ThrowsForTheFirstBadRow()
    {
        using var cache = new PixelCache();
        var options = new ImageIngestOptions { Unreadable = UnreadableImages.Stop };

        var error = Assert.ThrowsExactly<InvalidDataException>(
            () => ImageIngest.Fill(Sources(), image => image, cache, options, (_, _) => Assert.Fail("skipped")));

        StringAssert.StartsWith(error.Message, "The picture of row 2 is empty");
    }

    [TestMethod]
    public void Fill_Cancelled_Throws()
    {
        using var cache = new PixelCache();
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();

        Assert.Throws<OperationCanceledException>(
            () => ImageIngest.Fill(Sources(), image => image, cache, new ImageIngestOptions(), (_, _) => { }, cancel.Token));
    }

    [TestMethod]
    public void FromMLImage_DisposedAfterwards_KeepsItsPixels()
    {
        ImageSource source;
        using (var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, [1, 2, 3, 255]))
        {
            source = MLImagePixels.Source(image, 0);
        }

        CollectionAssert.AreEqual(new byte[] { 3, 2, 1 }, source.Read(image => image, 100).Pixels);
    }

    private static IEnumerable<ImageSource> Sources()
    {
        yield return ImageSource.FromBytes(Pictures.Encode(Pictures.Noise(5, 6, 1), SKEncodedImageFormat.Png), 0);
        yield return ImageSource.FromBytes([], 1);
        yield return ImageSource.FromBytes(Pictures.Encode(Pictures.Noise(9, 8, 2), SKEncodedImageFormat.Png), 2);
        yield return ImageSource.FromFile("/no/such.png".AsMemory(), 3);
        yield return MLImagePixels.Source(null, 4);
        yield return ImageSource.FromFile(ReadOnlyMemory<char>.Empty, 5);
        yield return ImageSource.FromFile(Pictures.FixturePath("banana.jpg").AsMemory(), 6);
    }
}
