using Microsoft.ML.NaturalGradient.Imaging;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ExifOrientationTests
{
    private const string Name = "The picture of row 7";

    // By EXIF's number from 1: the sides of the upright picture on which the first stored row and column are.
    private static readonly (string FirstRow, string FirstColumn)[] Sides =
    [
        ("top", "left"), ("top", "right"), ("bottom", "right"), ("bottom", "left"), ("left", "top"), ("right", "top"), ("right", "bottom"), ("left", "bottom"),
    ];

    public static IEnumerable<object[]> WaysAndOrientations => ExifFiles.Ways.SelectMany(way => Enumerable.Range(1, 8).Select(orientation => (object[])[way, orientation]));

    [TestMethod]
    [DynamicData(nameof(WaysAndOrientations))]
    public void Decode_Orientation_PutsFirstRowAndColumnWhereExifSays(string way, int orientation)
    {
        var file = FileOf(way);
        var unturned = ImageDecoder.Decode(file, Name);

        var upright = ImageDecoder.Decode(ExifFiles.With(file, way, orientation), Name);

        var (firstRow, firstColumn) = Sides[orientation - 1];
        Assert.AreEqual(firstRow is "top" or "bottom" ? (48, 32) : (32, 48), (upright.Width, upright.Height));
        for (var row = 0; row < 32; row++)
        {
            for (var column = 0; column < 48; column++)
            {
                var x = 0;
                var y = 0;
                foreach (var (side, distance) in new[] { (firstRow, row), (firstColumn, column) })
                {
                    x += side == "left" ? distance : side == "right" ? upright.Width - 1 - distance : 0;
                    y += side == "top" ? distance : side == "bottom" ? upright.Height - 1 - distance : 0;
                }
                Assert.AreEqual(Pictures.At(unturned, column, row), Pictures.At(upright, x, y));
            }
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(9)]
    [DataRow(65535)]
    public void Decode_OrientationThatIsNone_LeavesThePicture(int orientation)
    {
        foreach (var way in ExifFiles.Ways)
        {
            var file = FileOf(way);

            Pictures.AssertSame(ImageDecoder.Decode(file, Name), ImageDecoder.Decode(ExifFiles.With(file, way, orientation), Name));
        }
    }

    [TestMethod]
    public void Decode_PngWithChunkAndText_FollowsTheChunk()
    {
        var png = FileOf("png");
        var both = ExifFiles.With(ExifFiles.With(png, "png", 3), "png tEXt", 6);

        Pictures.AssertSame(ImageDecoder.Decode(ExifFiles.With(png, "png", 3), Name), ImageDecoder.Decode(both, Name));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true, DisplayName = "damaged at the end")]
    public void Decode_PngWithManyTextsOfMegabytes_UnpacksOneOfThem(bool isDamaged)
    {
        var png = FileOf("png");
        var text = ExifFiles.PackedText(new byte[4 << 20]);
        if (isDamaged)
        {
            text[^3] ^= 0xFF;
        }

        var file = png;
        for (var n = 0; n < 100; n++)
        {
            file = ExifFiles.PngWith(file, "zTXt", text);
        }

        _ = ImageDecoder.Decode(png, Name);
        var before = GC.GetAllocatedBytesForCurrentThread();

        Pictures.AssertSame(ImageDecoder.Decode(png, Name), ImageDecoder.Decode(file, Name));

        Fixture.AssertLess(100_000_000, GC.GetAllocatedBytesForCurrentThread() - before); // all of them would be 400 MB, and as many letters
    }

    [TestMethod]
    public void Decode_DamagedExif_DecodesThePicture()
    {
        var png = FileOf("png");
        var picture = ImageDecoder.Decode(png, Name);
        var tiff = ExifFiles.Tiff(6);
        byte[][] damaged =
        [
            .. Enumerable.Range(0, 24).Select(length => tiff[..length]), [.. "MM\0*"u8, 0xFF, 0xFF, 0xFF, 0xFF, .. tiff[8..]],
            [.. "MM\0*"u8, 0x80, 0, 0, 0, .. tiff[8..]], [.. "XX"u8, .. tiff[2..]],
        ];
        foreach (var exif in damaged)
        {
            Pictures.AssertSame(picture, ImageDecoder.Decode(ExifFiles.PngWith(png, "eXIf", exif), Name));
        }

        foreach (var text in (byte[][])[[], [.. "Raw profile type exif"u8], [.. "Raw profile type exif\0"u8], [.. "Raw profile type exif\0\0junk"u8],
            [.. "Raw profile type exif\0\u0001"u8], [.. "Raw profile type exif\0\nexif\n  8\nzz4d4"u8]])
        {
            foreach (var chunk in (string[])["tEXt", "zTXt", "iTXt"])
            {
                Pictures.AssertSame(picture, ImageDecoder.Decode(ExifFiles.PngWith(png, chunk, text), Name));
            }
        }
    }

    [TestMethod]
    public void Decode_BmpStoredFromTheTop_IsUpright()
    {
        var picture = Pictures.Noise(5, 3, 1);

        Pictures.AssertSame(picture, ImageDecoder.Decode(PictureFiles.Bmp(picture, fromTop: true), Name));
    }

    private static byte[] FileOf(string way) => Pictures.Encode(Pictures.Smooth(48, 32), way.Split(' ')[0] switch
    {
        "jpeg" => SKEncodedImageFormat.Jpeg,
        "webp" => SKEncodedImageFormat.Webp,
        _ => SKEncodedImageFormat.Png,
    }, quality: 90); // at 100, WebP has a layout of its own
}
