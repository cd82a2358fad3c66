using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class BaseFingerprintTests
{
    [TestMethod]
    public void Compute_KnownContent_IsItsSha256()
    {
        using var files = Files("abc"u8.ToArray());

        // The example of FIPS 180-2, appendix B.1.
        Assert.AreEqual(
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", BaseFingerprint.Compute(files));
    }

    [TestMethod]
    public void Compute_MiniLM_IsThePublishedHash()
    {
        using var files = PretrainedModel.MiniLM.Open();

        Assert.AreEqual(
            "5ba0032aefec27c763b2d9c8912eeec19529d4efdab9a71a9756e8056ba8f2e0", BaseFingerprint.Compute(files));
    }

    [TestMethod]
    public void Compute_NoWeights_Throws()
    {
        using var files = new MemoryCheckpointFiles(new Dictionary<string, byte[]>(), "the model x");

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => BaseFingerprint.Compute(files));

        Assert.AreEqual("There is no 'model.safetensors' in the model x.", error.Message);
    }

    [TestMethod]
    public void Compute_SeveralFiles_IsTheHashOfTheirListOfHashes()
    {
        using var files = new MemoryCheckpointFiles(
            new Dictionary<string, byte[]>
            {
                ["model.safetensors.index.json"] =
                    """{"weight_map":{"b":"model-2.safetensors","a":"model-1.safetensors","c":"model-2.safetensors"}}"""u8.ToArray(),
                ["model-1.safetensors"] = "abc"u8.ToArray(),
                ["model-2.safetensors"] = ""u8.ToArray(),
            },
            "the model x");

        // printf abc > model-1.safetensors; : > model-2.safetensors; sha256sum model-?.safetensors | sha256sum
        Assert.AreEqual(
            "72f313fdaf740d11899f74a112071544d5e63067a2d904a8696d2f9aa752a73a", BaseFingerprint.Compute(files));
    }

    [TestMethod]
    public void Compute_FirstLayersWithAnotherConfiguration_NamesTheirNumber()
    {
        using var files = ClassifierConfig.OpenAsEncoder(new FirstLayers(new FolderCheckpointFiles(TinyText.Folder), 1));
        using var all = new FolderCheckpointFiles(TinyText.Folder);
        Assert.IsInstanceOfType<ReplacedCheckpointFiles>(files);

        Assert.AreEqual(BaseFingerprint.Compute(all) + ":1", BaseFingerprint.Compute(files));
    }

    private static MemoryCheckpointFiles Files(byte[] weights) =>
        new(new Dictionary<string, byte[]> { ["model.safetensors"] = weights }, "the model x");
}
