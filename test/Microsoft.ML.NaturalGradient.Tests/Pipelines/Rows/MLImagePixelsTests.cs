using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Tests.Pipelines;

[TestClass]
public sealed class MLImagePixelsTests
{
    [TestMethod]
    public void BitmapPixels_APicture_AreThePixelsThatMLNetGives()
    {
        using var image = MLImage.CreateFromPixels(2, 1, MLPixelFormat.Bgra32, [1, 2, 3, 255, 4, 5, 6, 255]);

        var pixels = MLImagePixels.BitmapPixels(image).ToArray();

        CollectionAssert.AreEqual(image.Pixels.ToArray(), pixels);
        GC.KeepAlive(image);
    }
}
