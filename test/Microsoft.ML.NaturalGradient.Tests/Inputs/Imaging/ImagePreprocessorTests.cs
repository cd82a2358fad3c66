using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ImagePreprocessorTests
{
    private const string Half = """ "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5] """;
    private const string ImageNet = """ "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225] """;
    private const string ViT = $$"""{ "image_processor_type": "ViTImageProcessor", "size": { "height": 224, "width": 224 }, "resample": 2, {{Half}} }""";
    private const string DeiT =
        $$"""{ "image_processor_type": "DeiTImageProcessor", "size": { "height": 256, "width": 256 }, "crop_size": { "height": 224, "width": 224 }, "resample": 3, {{ImageNet}} }""";
    private const string DinoV2 =
        $$"""{ "image_processor_type": "BitImageProcessor", "size": { "shortest_edge": 256 }, "crop_size": { "height": 224, "width": 224 }, "resample": 3, {{ImageNet}} }""";

    [TestMethod]
    [DataRow("banana.jpg")]
    [DataRow("hotdog.jpg")]
    [DataRow("tomato.jpg")]
    public void Normalize_Picture_IsWhatTheReferenceMakesOfIt(string file)
    {
        var reference = Fixture.Read("images/preprocessing.json");
        var image = ImageDecoder.DecodeFile(Pictures.FixturePath(file));
        foreach (var (name, json) in new[]
        {
            ("vit (bilinear 224x224, mean .5 std .5)", ViT),
            ("deit (bicubic 256x256, centre crop 224, ImageNet mean)", DeiT),
            ("dinov2 (bicubic shortest edge 256, centre crop 224, ImageNet mean)", DinoV2),
        })
        {
            var expected = reference.GetProperty($"{file} {name}");
            var preprocessor = Read(json);

            var values = Normalize(preprocessor, image);

            Assert.AreEqual((expected.GetProperty("width").GetInt32(), expected.GetProperty("height").GetInt32()), (image.Width, image.Height));
            for (var channel = 0; channel < 3; channel++)
            {
                var plane = values.AsSpan(channel * 224 * 224, 224 * 224).ToArray().Select(value => (double)value).ToArray();
                var mean = plane.Average();
                var deviation = Math.Sqrt(plane.Sum(value => (value - mean) * (value - mean)) / (plane.Length - 1));
                // Both sides decode with libjpeg-turbo and the same settings; sums of float32 differ in the last digits.
                Assert.AreEqual(expected.GetProperty("mean")[channel].GetDouble(), mean, 1e-5, name);
                Assert.AreEqual(expected.GetProperty("std")[channel].GetDouble(), deviation, 1e-5, name);
                var grid = expected.GetProperty("pixels_at_14_42_70")[channel];
                for (var i = 0; i < 64; i++)
                {
                    var actual = plane[((14 + (28 * (i / 8))) * 224) + 14 + (28 * (i % 8))];
                    Assert.AreEqual(grid[i].GetDouble(), actual, 1e-6, $"{name}, channel {channel}, {i}");
                }
            }
        }
    }

    [TestMethod]
    public void Read_OldFileWithSizeOnly_UsesTheModelTypesDefaults()
    {
        var vit = Read("""{ "size": 32, "do_center_crop": true, "crop_size": 8 }""", "ViTImageProcessor");
        var dinov2 = Read("""{ "size": 32, "crop_size": 24 }""", "BitImageProcessor");
        var image = Pictures.Noise(64, 96, 4);

        Pictures.AssertSame(Resampler.Resize(image, image.Bounds, 32, 32, ResampleFilter.Bilinear), vit.Prepare(image));
        var resized = Resampler.Resize(image, image.Bounds, 32, 48, ResampleFilter.Bicubic);
        Pictures.AssertSame(Pictures.Cut(resized, new PixelBox(4, 12, 24, 24)), dinov2.Prepare(image));
    }

    [TestMethod]
    [DataRow(ViT, 0)]
    [DataRow(DeiT, 112)]
    [DataRow(DinoV2, 112)]
    public void Read_ImageSize_KeepsTheProportionOfTheCrop(string json, int resized)
    {
        var preprocessor = Read(json, imageSize: 98);
        var image = Pictures.Noise(150, 150, 5);

        var prepared = preprocessor.Prepare(image);

        Assert.AreEqual((98, 98, 3 * 98 * 98), (preprocessor.Width, preprocessor.Height, preprocessor.ValueCount));
        var expected = resized == 0
            ? Resampler.Resize(image, image.Bounds, 98, 98, ResampleFilter.Bilinear)
            : Pictures.Cut(Resampler.Resize(image, image.Bounds, resized, resized, ResampleFilter.Bicubic), new PixelBox(7, 7, 98, 98));
        Pictures.AssertSame(expected, prepared);
    }

    [TestMethod]
    public void Prepare_SizeThatFits_ChangesNothing()
    {
        var image = Pictures.Noise(224, 224, 6);

        Pictures.AssertSame(image, Read(ViT).Prepare(image));
    }

    [TestMethod]
    public void Prepare_CropLargerThanPicture_PadsWithBlackRoundedUpOnTheLeft()
    {
        var image = Pictures.Noise(4, 4, 7);
        var preprocessor = Read("""{ "image_processor_type": "BitImageProcessor", "do_resize": false, "crop_size": 7 }""");

        var prepared = preprocessor.Prepare(image);

        Pictures.AssertSame(Pictures.FromPixels(
            7, 7, (x, y) => x is >= 2 and < 6 && y is >= 2 and < 6 ? Pictures.At(image, x - 2, y - 2) : default), prepared);
    }

    [TestMethod]
    public void Prepare_OnePixel_IsItsColor()
    {
        var prepared = Read(DinoV2).Prepare(new RgbImage(1, 1, [9, 8, 7]));

        Pictures.AssertSame(Pictures.FromPixels(224, 224, (_, _) => (9, 8, 7)), prepared);
    }

    [TestMethod]
    public void Prepare_VeryLongPicture_ComputesTheCentreOnly()
    {
        // The resized picture would have 224 x 22,400,000 pixels.
        var image = Pictures.Noise(1, 100_000, 8);

        Assert.AreEqual(224, Read(DinoV2, imageSize: 224).Prepare(image).Height);
    }

    [TestMethod]
    public void Prepare_TooLongPicture_IsUnreadable()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Read(DinoV2).Prepare(new RgbImage(1, 10_000_000, new byte[30_000_000])));

        Assert.Contains("1 x 10000000 pixels is too elongated", error.Message);
    }

    [TestMethod]
    public void Normalize_WithoutScaleAndMean_GivesBytes()
    {
        var image = new RgbImage(2, 1, [1, 2, 3, 4, 5, 6]);
        var preprocessor = Read(
            """{ "image_processor_type": "ViTImageProcessorFast", "size": { "height": 1, "width": 2 }, "do_rescale": false, "do_normalize": false }""");

        CollectionAssert.AreEqual(new float[] { 1, 4, 2, 5, 3, 6 }, Normalize(preprocessor, image));
    }

    [TestMethod]
    public void Shrink_LargePicture_LeavesEnoughForTheSmallestPart()
    {
        var preprocessor = Read(ViT);

        var shrunk = preprocessor.Shrink(Pictures.Smooth(900, 700), 0.25);

        Assert.AreEqual((576, 448), (shrunk.Width, shrunk.Height)); // 448 = 224 / √¼
        var small = Pictures.Smooth(400, 500);
        Assert.AreSame(small, preprocessor.Shrink(small, 0.25));
    }

    [TestMethod]
    [DataRow("""{ "image_processor_type": "CLIPImageProcessor" }""", "the image processor 'CLIPImageProcessor' is not supported")]
    [DataRow("""{ "feature_extractor_type": "BeitFeatureExtractor" }""", "the image processor 'BeitFeatureExtractor' is not supported")]
    [DataRow("""{ }""", "the image processor 'SwinImageProcessor' is not supported")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "resample": 1 }""", "'resample' is 1; expected 2 (bilinear) or 3 (bicubic)")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "size": 4097 }""", "'size' is 4097; expected a whole number")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "crop_size": { "height": 20, "width": 9999 } }""", "of 1 to 4096 pixels")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "size": 0 }""", "'size' is 0; expected a whole number")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "size": { "longest_edge": 5 } }""", "'size' is")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "size": { "shortest_edge": 5 } }""", "leaves the size of pictures open")]
    [DataRow("""{ "image_processor_type": "ViTImageProcessor", "do_resize": false }""", "leaves the size of pictures open")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "crop_size": { "shortest_edge": 5 } }""", "'crop_size' is")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "image_mean": [1, 2] }""", "'image_mean' is [1, 2]; expected three numbers")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "image_std": [1, 0, 1] }""", "'image_std' is [1, 0, 1]; expected three positive numbers")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "image_std": [1, 1e-30, 1] }""", "expected three positive numbers, from 1E-06 to 1000000")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "image_mean": [1, 1e30, 1] }""", "'image_mean' is [1, 1e30, 1]; expected three numbers from -1000000 to 1000000")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "rescale_factor": -1 }""", "'rescale_factor' is -1; expected a positive number up to 1000000")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "rescale_factor": 1e300 }""", "'rescale_factor' is 1e300")]
    [DataRow("""{ "image_processor_type": "BitImageProcessor", "image_std": 3 }""", "'image_std' is 3; expected a list of numbers")]
    public void Read_WhatIsNotSupported_NamesFileAndField(string json, string problem)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Read(json, "SwinImageProcessor"));

        StringAssert.StartsWith(error.Message, "'preprocessor_config.json' of the model x");
        Assert.Contains(problem, error.Message);
    }

    private static float[] Normalize(ImagePreprocessor preprocessor, RgbImage image)
    {
        var values = new float[preprocessor.ValueCount];
        preprocessor.Normalize(preprocessor.Prepare(image), values);
        return values;
    }

    private static ImagePreprocessor Read(string json, string? usualClass = null, int? imageSize = null)
    {
        var content = new Dictionary<string, byte[]> { ["preprocessor_config.json"] = Encoding.UTF8.GetBytes(json) };
        using var files = new MemoryCheckpointFiles(content, "the model x");
        return ImagePreprocessor.Read(files, usualClass, imageSize);
    }
}
