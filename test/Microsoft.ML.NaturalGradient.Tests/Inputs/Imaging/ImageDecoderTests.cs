using System.Buffers.Binary;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;
using SkiaSharp;

namespace Microsoft.ML.NaturalGradient.Tests.Imaging;

[TestClass]
public sealed class ImageDecoderTests
{
    private const string Name = "The picture of row 7";

    [TestMethod]
    [DataRow(SKEncodedImageFormat.Png, 0)]
    [DataRow(SKEncodedImageFormat.Jpeg, 8)] // lossy, colour at half the resolution
    [DataRow(SKEncodedImageFormat.Webp, 12)] // lossy, colour at half the resolution
    public void Decode_EncodedBySkia_GivesThePicture(SKEncodedImageFormat format, int tolerance)
    {
        var picture = Pictures.Smooth(37, 23);

        var decoded = ImageDecoder.Decode(Pictures.Encode(picture, format), Name);

        Fixture.AssertLess(tolerance + 1, Pictures.LargestDifference(picture, decoded));
    }

    [TestMethod]
    public void Decode_Bmp_GivesThePicture()
    {
        var picture = Pictures.Noise(5, 3, 1);

        Pictures.AssertSame(picture, ImageDecoder.Decode(PictureFiles.Bmp(picture), Name));
    }

    [TestMethod]
    public void Decode_GifOfTwoFrames_GivesTheFirst()
    {
        (byte, byte, byte)[] palette = [(255, 0, 0), (0, 128, 0), (1, 2, 250)];
        var first = Enumerable.Range(0, 600).Select(i => (byte)(i * i % 3)).ToArray();
        var gif = PictureFiles.Gif(30, 20, palette, first, new byte[600]);

        var decoded = ImageDecoder.Decode(gif, Name);

        Pictures.AssertSame(Pictures.FromPixels(30, 20, (x, y) => palette[first[(30 * y) + x]]), decoded);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(8)]
    [DataRow(16)]
    public void Decode_GreyPng_GivesEqualChannels(int bits)
    {
        byte[] rows = bits == 1 ? [0b01000000] : bits == 8 ? [0, 255] : [0, 40, 255, 255];
        var decoded = ImageDecoder.Decode(PictureFiles.Png(2, 1, (byte)bits, 0, [rows]), Name);

        CollectionAssert.AreEqual(new byte[] { 0, 0, 0, 255, 255, 255 }, decoded.Pixels);
    }

    [TestMethod]
    public void Decode_PalettePng_LooksColorsUp()
    {
        byte[] palette = [10, 20, 30, 200, 100, 50, 7, 8, 9];
        var decoded = ImageDecoder.Decode(PictureFiles.Png(3, 2, 8, 3, [[0, 1, 2], [2, 2, 1]], ("PLTE", palette)), Name);

        CollectionAssert.AreEqual(new byte[] { 10, 20, 30, 200, 100, 50, 7, 8, 9, 7, 8, 9, 7, 8, 9, 200, 100, 50 }, decoded.Pixels);
    }

    [TestMethod]
    public void Decode_TransparentPng_KeepsColorsUnderAlpha()
    {
        var decoded = ImageDecoder.Decode(PictureFiles.Png(3, 1, 8, 6, [[250, 3, 77, 128, 1, 2, 3, 1, 9, 8, 7, 255]]), Name);

        CollectionAssert.AreEqual(new byte[] { 250, 3, 77, 1, 2, 3, 9, 8, 7 }, decoded.Pixels);
    }

    [TestMethod]
    public void Decode_ColorPngOf16Bits_KeepsTheHighByte()
    {
        var decoded = ImageDecoder.Decode(PictureFiles.Png(1, 1, 16, 2, [[200, 200, 100, 100, 3, 3]]), Name);

        CollectionAssert.AreEqual(new byte[] { 200, 100, 3 }, decoded.Pixels);
    }

    [TestMethod]
    public void Decode_OnePixel_Works()
    {
        var picture = Pictures.Noise(1, 1, 3);

        Pictures.AssertSame(picture, ImageDecoder.Decode(Pictures.Encode(picture, SKEncodedImageFormat.Png), Name));
    }

    [TestMethod]
    public void Decode_HugePng_IsRefusedByItsHeader()
    {
        var bomb = PictureFiles.Png(20000, 20000, 8, 2, []);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(bomb, Name));

        Assert.AreEqual(
            "The picture of row 7 has 20000 x 20000 pixels, more than the limit of 100000000. "
            + "Use a smaller picture, or raise MaxPixels if it comes from where you trust.", error.Message);
    }

    [TestMethod]
    public void Decode_HugeJpeg_IsRefusedByItsHeader()
    {
        var jpeg = Pictures.Encode(Pictures.Smooth(16, 16), SKEncodedImageFormat.Jpeg);
        var frame = jpeg.AsSpan().IndexOf([(byte)0xFF, (byte)0xC0]);
        BinaryPrimitives.WriteInt16BigEndian(jpeg.AsSpan(frame + 5), 20000);
        BinaryPrimitives.WriteInt16BigEndian(jpeg.AsSpan(frame + 7), 20000);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(jpeg, Name));

        Assert.Contains("20000 x 20000", error.Message);
    }

    [TestMethod]
    public void Decode_LimitOfPixels_IsInclusive()
    {
        var png = Pictures.Encode(Pictures.Smooth(10, 10), SKEncodedImageFormat.Png);

        Assert.AreEqual(10, ImageDecoder.Decode(png, Name, 100).Width);
        Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(png, Name, 99));
    }

    [TestMethod]
    public void Decode_VeryLongLine_IsRefusedByItsHeader()
    {
        var line = PictureFiles.Png(900_000, 1, 8, 2, []);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(line, Name));

        Assert.Contains("900000 x 1 pixels; no side may be longer than 100000", error.Message);
    }

    [TestMethod]
    public void CheckHeader_HeaderBehindMuchElse_ReadsTheWholeFile()
    {
        var path = Path.GetTempFileName();
        try
        {
            var png = PictureFiles.Png(1, 1, 8, 2, [[1, 2, 3]], ("teXt", new byte[300_000]));
            File.WriteAllBytes(path, png);
            ImageDecoder.CheckHeader(path);

            File.WriteAllBytes(path, new byte[300_000]);
            var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.CheckHeader(path));

            StringAssert.StartsWith(error.Message, $"The picture '{path}' is not a picture");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void Decode_ZeroBytes_SaysSo()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode([], Name));

        Assert.AreEqual("The picture of row 7 is empty (zero bytes). Fetch the file again, or remove it.", error.Message);
    }

    [TestMethod]
    public void Decode_Text_IsNotAPicture()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode([.. "<html>not found</html>"u8], Name));

        StringAssert.StartsWith(error.Message, "The picture of row 7 is not a picture that can be read");
    }

    [TestMethod]
    [DataRow("II*\0\b\0\0\0\u0001\0\0\u0001\u0003\0\u0001\0\0\0\u0001\0\0\0\0\0\0\0", DisplayName = "TIFF")]
    [DataRow("\0\0\0\u0018ftypheic\0\0\0\0mif1heic", DisplayName = "HEIC")]
    [DataRow("\0\0\0\u0018ftypavif\0\0\0\0mif1avif", DisplayName = "AVIF")]
    public void Decode_FormatThatIsNotRead_IsRefused(string start)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode([.. start.Select(character => (byte)character), .. new byte[100]], Name));

        Assert.Contains("Use JPEG, PNG, WebP, BMP or GIF", error.Message);
    }

    [TestMethod]
    [DataRow("png")]
    [DataRow("jpeg")]
    [DataRow("webp")]
    [DataRow("bmp")]
    [DataRow("gif")]
    public void Decode_CutOff_IsAnErrorThatNamesTheRow(string format)
    {
        var file = FileOf(format);

        for (var length = 0; length < file.Length * 9 / 10; length += 1 + (length / 20))
        {
            var error = Assert.ThrowsExactly<InvalidDataException>(() => ImageDecoder.Decode(file[..length], Name), $"{length} bytes");
            StringAssert.StartsWith(error.Message, Name);
        }
    }

    [TestMethod]
    [DataRow("png")]
    [DataRow("jpeg")]
    [DataRow("webp")]
    [DataRow("bmp")]
    [DataRow("gif")]
    public void Decode_DamagedBytes_NeverCrashes(string format)
    {
        var file = FileOf(format);
        var random = new Random(5);
        for (var i = 0; i < 200; i++)
        {
            var damaged = file.ToArray();
            for (var j = 0; j < 4; j++)
            {
                damaged[random.Next(Math.Min(damaged.Length, i % 2 == 0 ? 100 : int.MaxValue))] = (byte)random.Next(256);
            }
            try
            {
                _ = ImageDecoder.Decode(damaged, Name, 1_000_000);
            }
            catch (InvalidDataException e)
            {
                StringAssert.StartsWith(e.Message, Name);
            }
        }
    }

    [TestMethod]
    public void DecodeFile_Missing_NamesTheFile()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => ImageDecoder.DecodeFile("/no/such/cat.jpg"));

        StringAssert.StartsWith(error.Message, "The picture '/no/such/cat.jpg' does not exist.");
        Assert.IsTrue(ImageDecoder.IsUnreadable(error));
    }

    [TestMethod]
    public void DecodeFile_Folder_IsAnErrorThatNamesIt()
    {
        var error = Assert.ThrowsExactly<IOException>(() => ImageDecoder.DecodeFile(AppContext.BaseDirectory));

        StringAssert.StartsWith(error.Message, $"The picture '{AppContext.BaseDirectory}' cannot be read");
    }

    [TestMethod]
    public void FromMLImage_Jpeg_IsTheSameAsItsFile()
    {
        var path = Pictures.FixturePath("tomato.jpg");
        using var image = MLImage.CreateFromFile(path);

        Pictures.AssertSame(ImageDecoder.DecodeFile(path), MLImagePixels.Copy(image, Name));
    }

    /// <summary>As docs/images.md says: what ML.NET loads is multiplied by its opacity, and what a program makes is taken as it is.</summary>
    [TestMethod]
    public void FromMLImage_Transparent_HasTheColorsThatMLNetGivesIt()
    {
        byte[] pixels = [200, 100, 50, 128, 200, 100, 50, 0];
        using var loaded = MLImage.CreateFromStream(new MemoryStream(PictureFiles.Png(2, 1, 8, 6, [pixels])));
        using var made = MLImage.CreateFromPixels(2, 1, MLPixelFormat.Rgba32, pixels);

        CollectionAssert.AreEqual(new byte[] { 100, 50, 25, 0, 0, 0 }, MLImagePixels.Copy(loaded, Name).Pixels);
        CollectionAssert.AreEqual(new byte[] { 200, 100, 50, 200, 100, 50 }, MLImagePixels.Copy(made, Name).Pixels);
    }

    [TestMethod]
    [DataRow(MLPixelFormat.Bgra32, 30, 20, 10)]
    [DataRow(MLPixelFormat.Rgba32, 10, 20, 30)]
    public void FromMLImage_Pixels_TakesTheirOrder(MLPixelFormat format, int red, int green, int blue)
    {
        using var image = MLImage.CreateFromPixels(1, 2, format, [10, 20, 30, 255, 1, 1, 1, 255]);

        var picture = MLImagePixels.Copy(image, Name);

        Assert.AreEqual((1, 2), (picture.Width, picture.Height));
        CollectionAssert.AreEqual(new byte[] { (byte)red, (byte)green, (byte)blue, 1, 1, 1 }, picture.Pixels);
    }

    [TestMethod]
    public void FromMLImage_Null_NamesTheRow()
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => MLImagePixels.Copy(null, Name));

        StringAssert.StartsWith(error.Message, "The picture of row 7 is missing.");
    }

    [TestMethod]
    public void FromMLImage_Disposed_SaysSo()
    {
        var image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, [1, 2, 3, 255]);
        image.Dispose();

        var error = Assert.ThrowsExactly<InvalidDataException>(() => MLImagePixels.Copy(image, Name));

        StringAssert.StartsWith(error.Message, "The picture of row 7 was disposed before it was read.");
    }

    private static byte[] FileOf(string format)
    {
        var picture = Pictures.Noise(40, 30, 9);
        return format switch
        {
            "png" => Pictures.Encode(picture, SKEncodedImageFormat.Png),
            "jpeg" => Pictures.Encode(picture, SKEncodedImageFormat.Jpeg, 90),
            "webp" => Pictures.Encode(picture, SKEncodedImageFormat.Webp, 90),
            "bmp" => PictureFiles.Bmp(picture),
            _ => PictureFiles.Gif(40, 30, [(1, 2, 3), (200, 0, 0)], [.. Enumerable.Range(0, 1200).Select(i => (byte)(i % 2))]),
        };
    }
}
