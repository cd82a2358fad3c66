using System.Text;
using CsCheck;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ImageAugmenterTests
{
    private static readonly ImageAugmentation None = new()
    {
        SmallestArea = 1,
        FlipProbability = 0,
        Brightness = 0,
        Contrast = 0,
        Saturation = 0,
    };

    [TestMethod]
    public void Apply_OnManyThreadsInAnotherOrder_GivesTheSamePictures()
    {
        var augmenter = new ImageAugmenter(new ImageAugmentation(), Preprocessor(16), 42);
        var image = augmenter.Prepare(Pictures.Noise(60, 45, 1));
        var expected = Enumerable.Range(0, 200).Select(i => augmenter.Apply(image, i / 4, i % 4).Pixels).ToArray();

        var other = new ImageAugmenter(new ImageAugmentation(), Preprocessor(16), 42);
        var actual = new byte[200][];
        Parallel.For(0, 200, i => actual[199 - i] = other.Apply(image, (199 - i) / 4, (199 - i) % 4).Pixels);

        for (var i = 0; i < 200; i++)
        {
            CollectionAssert.AreEqual(expected[i], actual[i]);
        }
        Assert.HasCount(200, expected.Select(Convert.ToHexString).Distinct()); // each row and epoch is another picture
    }

    [TestMethod]
    public void Apply_OtherSeed_GivesOtherPictures()
    {
        var image = Pictures.Noise(60, 45, 1);
        var first = new ImageAugmenter(new ImageAugmentation(), Preprocessor(16), 1);
        var second = new ImageAugmenter(new ImageAugmentation(), Preprocessor(16), 2);

        Assert.IsTrue(Enumerable.Range(0, 50).All(row => !first.Apply(image, row, 0).Pixels.SequenceEqual(second.Apply(image, row, 0).Pixels)));
    }

    [TestMethod]
    public void Apply_EverythingOff_IsThePreparedPicture()
    {
        var preprocessor = Preprocessor(16);
        var image = Pictures.Noise(60, 45, 1);
        var augmenter = new ImageAugmenter(None, preprocessor, 1);

        Pictures.AssertSame(preprocessor.Prepare(image), augmenter.Apply(augmenter.Prepare(image), 3, 4));
    }

    [TestMethod]
    public void Apply_FlipAlways_IsMirrored()
    {
        var image = Pictures.Noise(16, 16, 1);
        var augmenter = new ImageAugmenter(None with { FlipProbability = 1 }, Preprocessor(16), 1);

        Pictures.AssertSame(Pictures.FromPixels(16, 16, (x, y) => Pictures.At(image, 15 - x, y)), augmenter.Apply(image, 0, 0));
    }

    [TestMethod]
    public void Apply_RandomPart_IsTheDrawnPartResized()
    {
        var options = None with { SmallestArea = 0.3 };
        var image = Pictures.Noise(50, 40, 1);
        var draw = AugmentationDraw.Create(options, 50, 40, 7, 3, 2);
        var part = Pictures.Cut(image, draw.Part);

        var actual = new ImageAugmenter(options, Preprocessor(16), 7).Apply(image, 3, 2);

        Assert.AreNotEqual(image.Bounds, draw.Part);
        Pictures.AssertSame(Resampler.Resize(part, part.Bounds, 16, 16, ResampleFilter.Bilinear), actual);
    }

    [TestMethod]
    public void Create_AnySize_PartIsInsideAndWithinItsRanges() => Gen.Select(Gen.Int[1, 300], Gen.Int[1, 300], Gen.Int[1, 100], Gen.Int).Check(
        1000,
        draw =>
        {
            var (width, height, percent, seed) = draw;
            var options = None with { SmallestArea = percent / 100.0, LargestAspectRatio = 1.5 };
            var part = AugmentationDraw.Create(options, width, height, seed, 5, 6).Part;

            var isInside = part.X >= 0 && part.Y >= 0 && part.Width >= 1 && part.Height >= 1
                && part.X + part.Width <= width && part.Y + part.Height <= height;
            // Sides are rounded to whole pixels.
            var isInRatio = percent == 100
                || (part.Width - 0.5 <= 1.5 * (part.Height + 0.5) && part.Height - 0.5 <= 1.5 * (part.Width + 0.5));
            return isInside && isInRatio;
        });

    [TestMethod]
    public void Create_ManyDraws_FillTheirRangesEvenly()
    {
        var options = new ImageAugmentation { SmallestArea = 0.2, Brightness = 0.4, FlipProbability = 0.3 };
        var draws = Enumerable.Range(0, 4000).Select(i => AugmentationDraw.Create(options, 200, 200, 9, i / 10, i % 10)).ToArray();

        var areas = draws.Select(draw => draw.Part.Width * draw.Part.Height / 40000.0).ToArray();
        Assert.IsTrue(areas.All(area => area is > 0.195 and <= 1));
        Fixture.AssertLess(0.21, areas.Min());
        // Uniform from 0.2 to 1 has the mean 0.6; large oblong parts do not fit and are drawn again, which lowers it.
        Assert.AreEqual(0.54, areas.Average(), 0.05);
        Assert.AreEqual(1.0, draws.Average(draw => draw.Brightness), 0.015); // standard error 0.0037
        Assert.AreEqual(0.16 / 3, draws.Average(draw => Math.Pow(draw.Brightness - 1, 2)), 0.004);
        Assert.IsTrue(draws.All(draw => draw.Brightness is >= 0.6 and <= 1.4 && draw.Contrast is >= 0.8 and <= 1.2));
        Assert.AreEqual(0.3, draws.Average(draw => draw.IsFlipped ? 1.0 : 0), 0.03); // standard error 0.007
    }

    [TestMethod]
    [DataRow(1.3, 1.0, 1.0)]
    [DataRow(1.0, 0.5, 1.0)]
    [DataRow(1.0, 1.0, 1.8)]
    [DataRow(0.7, 1.4, 0.0)]
    [DataRow(2.0, 2.0, 2.0)]
    public void Jitter_AnyFactors_FollowsItsDefinition(double brightness, double contrast, double saturation)
    {
        var image = Pictures.Noise(20, 10, 3);
        static double Limit(double value) => Math.Clamp(value, 0, 255);
        static double Grey(double[] pixel) => (0.299 * pixel[0]) + (0.587 * pixel[1]) + (0.114 * pixel[2]);
        var bright = image.Pixels.Select(value => Limit(value * brightness)).Chunk(3).ToArray();
        var mean = bright.Average(Grey);
        var contrasted = bright.Select(pixel => pixel.Select(value => Limit(mean + (contrast * (value - mean)))).ToArray());
        var expected = contrasted.SelectMany(pixel => pixel.Select(value => Limit(Grey(pixel) + (saturation * (value - Grey(pixel))))));

        var actual = ColorJitter.Apply(image, brightness, contrast, saturation);

        foreach (var (exact, value) in expected.Zip(actual.Pixels))
        {
            Assert.AreEqual(exact, value, 0.5 + 1e-3); // computed in float32
        }
    }

    [TestMethod]
    public void Jitter_FactorsOfOne_ChangeNothing()
    {
        var image = Pictures.Noise(3, 3, 1);

        Assert.AreSame(image, ColorJitter.Apply(image, 1, 1, 1));
    }

    [TestMethod]
    [DataRow("SmallestArea", 0.0)]
    [DataRow("SmallestArea", 1.1)]
    [DataRow("SmallestArea", double.NaN)]
    [DataRow("LargestAspectRatio", 0.9)]
    [DataRow("FlipProbability", -0.1)]
    [DataRow("Brightness", 1.5)]
    [DataRow("Contrast", double.NaN)]
    [DataRow("Saturation", double.PositiveInfinity)]
    public void Constructor_OutOfRange_NamesTheSetting(string name, double value)
    {
        var options = name switch
        {
            "SmallestArea" => new ImageAugmentation { SmallestArea = value },
            "LargestAspectRatio" => new ImageAugmentation { LargestAspectRatio = value },
            "FlipProbability" => new ImageAugmentation { FlipProbability = value },
            "Brightness" => new ImageAugmentation { Brightness = value },
            "Contrast" => new ImageAugmentation { Contrast = value },
            _ => new ImageAugmentation { Saturation = value },
        };

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new ImageAugmenter(options, Preprocessor(4), 1));

        StringAssert.StartsWith(error.Message, FormattableString.Invariant($"{name} is {value}. Use a number"));
    }

    private static ImagePreprocessor Preprocessor(int size)
    {
        var json = $$"""{ "image_processor_type": "ViTImageProcessor", "size": {{size}} }""";
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]> { ["preprocessor_config.json"] = Encoding.UTF8.GetBytes(json) }, "the test");
        return ImagePreprocessor.Read(files, "ViTImageProcessor");
    }
}
