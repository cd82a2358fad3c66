using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Vision;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>A real encoder of 12 layers, 384 wide, whose 37 × 37 positions are resized to 7 × 7; needs its files.</summary>
[TestClass]
public sealed class ViTSmallTests
{
    /// <summary>Names the folder with config.json and model.safetensors; without it the test is inconclusive.</summary>
    private const string FolderVariable = "NATURAL_GRADIENT_VIT_SMALL";

    [TestMethod]
    public void Encode_Ramp_EqualsReference()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder || !Directory.Exists(folder))
        {
            Assert.Inconclusive($"Set {FolderVariable} to the folder of the encoder.");
            return;
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Fixture.Read("vit-small/reference.json").GetProperty("ramp_98");
        using var files = new FolderCheckpointFiles(folder);
        using var encoder = ImageCheckpoint.Load(files).Encoder;
        using var inputs = new PixelBatch(linspace(-1, 1, 3 * 98 * 98, ScalarType.Float32).view(1, 3, 98, 98));

        var pooled = encoder.Pool(inputs)[0].to(ScalarType.Float64);

        // float32 on both sides, and float16 weights.
        Fixture.AssertClose(reference.GetProperty("cls").ToTensor(), pooled[..384], 1e-3, 1e-3);
        Fixture.AssertClose(reference.GetProperty("patch_mean").ToTensor(), pooled[384..], 1e-3, 1e-3);
    }
}
