using System.Text.Json;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Imaging;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>The embedded encoder of 12 layers, 384 wide, whose 37 × 37 positions are resized, against the Python libraries.</summary>
[TestClass]
public sealed class ViTSmallTests
{
    private static readonly JsonElement Reference = Fixture.Read("vit-small/reference.json");

    [TestMethod]
    public void Encode_Ramp_EqualsReference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Reference.GetProperty("ramp_98");
        using var encoder = Load().Encoder;
        using var inputs = new PixelBatch(linspace(-1, 1, 3 * 98 * 98, ScalarType.Float32).view(1, 3, 98, 98));

        var pooled = encoder.Pool(inputs)[0].to(ScalarType.Float64);

        // float32 on both sides, and float16 weights.
        Fixture.AssertClose(reference.GetProperty("cls").ToTensor(), pooled[..384], 1e-3, 1e-3);
        Fixture.AssertClose(reference.GetProperty("patch_mean").ToTensor(), pooled[384..], 1e-3, 1e-3);
    }

    [TestMethod]
    [DataRow("banana")]
    [DataRow("hotdog")]
    [DataRow("tomato")]
    public void Encode_PictureAsItsPreprocessorPreparesIt_IsCloseToReference(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Reference.GetProperty(name);
        var checkpoint = Load();
        using var encoder = checkpoint.Encoder;
        var preprocessor = checkpoint.ReadPreprocessor();
        var values = new float[preprocessor.ValueCount];
        preprocessor.Normalize(preprocessor.Prepare(ImageDecoder.DecodeFile(Pictures.FixturePath($"{name}.jpg"))), values);
        using var inputs = new PixelBatch(tensor(values).view(1, 3, preprocessor.Height, preprocessor.Width));

        var pooled = encoder.Pool(inputs)[0].to(ScalarType.Float64);

        Assert.AreEqual(224, preprocessor.Width);
        // JPEG decoders and resamplers differ in single grey levels.
        AssertSimilar(reference.GetProperty("cls").ToTensor(), pooled[..384]);
        AssertSimilar(reference.GetProperty("patch_mean").ToTensor(), pooled[384..]);
    }

    private static ImageCheckpoint Load()
    {
        using var files = PretrainedModel.ViTSmall.Open();
        return ImageCheckpoint.Load(files);
    }

    private static void AssertSimilar(Tensor expected, Tensor actual) =>
        Assert.IsGreaterThan(0.99, nn.functional.cosine_similarity(expected, actual, 0).item<double>());
}
