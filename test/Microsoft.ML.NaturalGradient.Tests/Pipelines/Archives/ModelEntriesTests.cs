using System.Globalization;
using System.IO.Compression;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

[TestClass]
public sealed class ModelEntriesTests
{
    // Saved by the version before hashes: two epochs on 16 rows of the tiny model, and what it gave for the texts below.
    private static readonly string Version1 = Path.Combine(AppContext.BaseDirectory, "Fixtures", "saved", "version1.zip");
    private static readonly string[] Texts = ["the film was good", "it was awful and dull"];
    private static readonly float[] Version1Scores = [0.6089775f, 0.39102247f, 0.8084535f, 0.19154648f];

    internal static readonly Lazy<byte[]> Saved = new(() =>
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.View(mlContext, TinyText.Rows(16));
        using var model = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(TinyText.Trainer(mlContext))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        return stream.ToArray();
    });

    [TestMethod]
    public void Load_SavedBeforeHashes_GivesTheScoresOfThen()
    {
        var scores = Scores(File.ReadAllBytes(Version1));

        for (var i = 0; i < scores.Length; i++)
        {
            Assert.AreEqual(Version1Scores[i], scores[i], 1e-5f);
        }
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Load_OneBitFlipped_NeverGivesOtherScores(bool hasHashes)
    {
        var original = hasHashes ? Saved.Value : File.ReadAllBytes(Version1);
        var expected = Scores(original);
        var random = new Random(7);
        var refused = 0;

        for (var i = 0; i < 200; i++)
        {
            var damaged = original.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            if (TryScores(damaged, out var scores))
            {
                CollectionAssert.AreEqual(expected, scores);
            }
            else
            {
                refused++;
            }
        }

        Assert.IsGreaterThan(150, refused);
    }

    [TestMethod]
    [DataRow("model.safetensors")]
    [DataRow("vocab.txt")]
    [DataRow("config.json")]
    [DataRow("Transform_002/Model.key", DisplayName = "of a component of ML.NET that is loaded later")]
    public void Load_EntryFlipped_NamesIt(string name)
    {
        var damaged = Saved.Value.ToArray();
        damaged[PlaceOfData(damaged, name)] ^= 0x10;

        var error = Assert.Throws<Exception>(() => Scores(damaged));

        StringAssert.Contains(Messages(error), name);
        StringAssert.Contains(Messages(error), "The saved model is damaged");
    }

    [TestMethod]
    public void Load_FileExchangedWithItsChecksum_IsRefusedByItsHash()
    {
        using var stream = new MemoryStream();
        stream.Write(Saved.Value);
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            var entry = zip.Entries.Single(entry => entry.Name == "model.safetensors");
            using var content = entry.Open();
            content.Position = content.Length - 3;
            content.WriteByte(7);
        }

        var error = Assert.Throws<Exception>(() => Scores(stream.ToArray()));

        StringAssert.Contains(Messages(error), "'model.safetensors' is not what was saved");
    }

    [TestMethod]
    public void Load_EntryThatUnpacksToGigabytes_IsRefusedBeforeItIsUnpacked()
    {
        using var stream = new MemoryStream();
        stream.Write(Saved.Value);
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Update, leaveOpen: true))
        {
            var old = zip.Entries.Single(entry => entry.Name == "vocab.txt");
            var path = old.FullName;
            old.Delete();
            using var content = zip.CreateEntry(path, CompressionLevel.Fastest).Open();
            var lines = new byte[1 << 20];
            for (var i = 0; i < 300; i++)
            {
                content.Write(lines);
            }
        }

        var error = Assert.Throws<Exception>(() => Scores(stream.ToArray()));

        StringAssert.Contains(Messages(error), "vocab.txt' has ");
        StringAssert.Contains(Messages(error), "314572800");
    }

    private static int PlaceOfData(byte[] zip, string name)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(name);
        return zip.AsSpan().IndexOf(bytes) + bytes.Length + 20; // inside the packed data behind the local header
    }

    private static bool TryScores(byte[] zip, out float[] scores)
    {
        try
        {
            scores = Scores(zip);
            return true;
        }
        catch (Exception e) when (e is not AssertFailedException)
        {
            Assert.AreNotEqual("", e.Message);
            scores = [];
            return false;
        }
    }

    internal static float[] Scores(byte[] zip)
    {
        var mlContext = new MLContext();
        var loaded = mlContext.Model.Load(new MemoryStream(zip), out _);
        using var owned = loaded as IDisposable;
        return [.. TinyText.Scores(loaded, TinyText.View(mlContext, Texts.Select(text => new TextRow { Text = text, Label = "good" }))).SelectMany(row => row)];
    }

    internal static string Messages(Exception? error) =>
        error is null ? "" : string.Create(CultureInfo.InvariantCulture, $"{error.Message}\n{Messages(error.InnerException)}");
}
