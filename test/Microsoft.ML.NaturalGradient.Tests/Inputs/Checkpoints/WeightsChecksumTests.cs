using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>Weights in folders that this library saved: one changed bit is an error, for every kind of folder.</summary>
[TestClass]
public sealed class WeightsChecksumTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("checksum").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    private string Weights => Path.Combine(_folder, "model.safetensors");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("{0}  model.safetensors\n", null, DisplayName = "as sha256sum writes it")]
    [DataRow("{1} *model.safetensors\r\n", null, DisplayName = "as Windows writes it")]
    [DataRow("\uFEFF{0}", null, DisplayName = "with a byte-order mark, without a name")]
    [DataRow("{2}  model.safetensors\n", "its SHA-256 differs", DisplayName = "of other content")]
    [DataRow("", "does not begin with a SHA-256", DisplayName = "empty")]
    [DataRow("SHA256 (model.safetensors) = {0}", "does not begin with a SHA-256", DisplayName = "in another form")]
    public void Check_FileBeside_IsCompared(string format, string? expected)
    {
        var content = "weights"u8.ToArray();
        File.WriteAllBytes(Weights, content);
        var hash = ContentHash.Of(content);
        File.WriteAllText(Weights + ".sha256", format.Replace("{0}", hash, StringComparison.Ordinal).Replace("{1}", hash.ToUpperInvariant(), StringComparison.Ordinal)
            .Replace("{2}", ContentHash.Of("Weights"u8), StringComparison.Ordinal));

        if (expected is null)
        {
            WeightsChecksum.Check(Weights);
            return;
        }

        var message = Assert.ThrowsExactly<InvalidDataException>(() => WeightsChecksum.Check(Weights)).Message;
        StringAssert.Contains(message, expected);
        StringAssert.Contains(message, Weights);
    }

    [TestMethod]
    public void Check_NoFileBeside_IsNotChecked()
    {
        File.WriteAllBytes(Weights, "weights"u8);

        WeightsChecksum.Check(Weights);
    }

    [TestMethod]
    public void Fit_SavedModelWithAChangedBit_IsRefusedUntilTheChecksumIsDeleted()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using (var trained = TinyText.Trainer(_mlContext).Fit(data))
        {
            trained.Model.SavePretrained(_folder);
        }

        FlipLastBit(Weights);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => Fit(data)).Message, "is not what was saved");
        File.Delete(Weights + ".sha256");
        Fit(data);
    }

    [TestMethod]
    public void LoadPeft_AdapterWithAChangedBit_IsRefused()
    {
        using (var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16)))
        {
            trained.Model.SavePeft(_folder);
        }

        FlipLastBit(Path.Combine(_folder, "adapter_model.safetensors"));

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadPeft(_folder)).Message, "is not what was saved");
    }

    private void Fit(IDataView data) => TinyText.Trainer(_mlContext, options => options.Model = PretrainedModel.FromFolder(_folder)).Fit(data).Dispose();

    private static void FlipLastBit(string path)
    {
        var bytes = File.ReadAllBytes(path);
        bytes[^4] ^= 1; // the last of a weight's 23 digits
        File.WriteAllBytes(path, bytes);
    }
}
