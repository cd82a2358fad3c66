using System.Text.Json;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static TorchSharp.torch;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Encoders of which only the first layers are used.</summary>
[TestClass]
public sealed class FirstLayersTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("first-layers").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void HiddenStates_FirstLayer_IsThatOfTheWholeEncoder(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture(name);
        using var inputs = fixture.Inputs();
        var whole = States(fixture.OpenFiles());

        foreach (var count in Enumerable.Range(1, whole.Count - 2))
        {
            var first = States(new FirstLayers(fixture.OpenFiles(), count));

            Assert.HasCount(count + 1, first); // with the embeddings
            // ModernBERT normalises the last one once more, as that of the whole encoder.
            for (var i = 0; i < count + (name == "modernbert" ? 0 : 1); i++)
            {
                Fixture.AssertClose(whole[i], first[i], 0, 1e-6); // float32: sums depend on where in memory they are
            }
        }

        IReadOnlyList<Tensor> States(CheckpointFiles files)
        {
            using (files)
            {
                var checkpoint = TextCheckpoint.Load(files);
                checkpoint.Encoder.eval();
                var isRead = inputs.Mask.unsqueeze(-1);
                return [.. checkpoint.Encoder.HiddenStates(inputs).Select(state => state.mul(isRead))];
            }
        }
    }

    [TestMethod]
    public void BgeSmall_FewerLayers_IsTheWholeOneWithoutTheOthers()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var all = PretrainedModel.BgeSmall.Open();
        using var six = (PretrainedModel.BgeSmall with { Layers = 6 }).Open();

        var (whole, first) = (TextCheckpoint.Load(all), TextCheckpoint.Load(six));

        Assert.AreEqual(12, whole.Encoder.LayerCount);
        Assert.AreEqual(6, first.Encoder.LayerCount);
        Assert.AreEqual(6 * 16, whole.Encoder.parameters().Count() - first.Encoder.parameters().Count());
        Assert.AreEqual("the first 6 layers of BgeSmall", (PretrainedModel.BgeSmall with { Layers = 6 }).ToString());
        Assert.AreEqual(BaseFingerprint.Compute(all) + ":6", BaseFingerprint.Compute(six));
        Assert.AreEqual(new BaseLocation("BAAI/bge-small-en-v1.5", null, 6), (PretrainedModel.BgeSmall with { Layers = 6 }).Location);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Save_FirstLayer_IsLoadedWithIt(bool savesBase)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Trained(data, savesBase);
        var path = Path.Combine(_folder, "model.zip");
        _mlContext.Model.Save(model, data.Schema, path);

        using var loaded = (TextClassificationTransformer)new MLContext().UsePretrainedModel(TinyText.Model).Model.Load(path, out _);

        CollectionAssert.AreEqual(Scores(model, data), Scores(loaded, data));
        Assert.AreEqual(1, loaded.Model.Scorer.Model.Network.Base.LayerCount);
        Assert.AreEqual(2, TinyLayers(), "the folder is as it was");
    }

    [TestMethod]
    public void SavePretrained_FirstLayer_IsAModelOfOneLayer()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Trained(data, savesBase: true);

        model.Model.SavePretrained(_folder);

        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")));
        Assert.AreEqual(1, config.RootElement.GetProperty("num_hidden_layers").GetInt32());
        using var weights = SafetensorsFile.Open(Path.Combine(_folder, "model.safetensors"));
        Assert.IsTrue(weights.Names.Any(weight => weight.Contains(".layer.0.", StringComparison.Ordinal)));
        Assert.IsFalse(weights.Names.Any(weight => weight.Contains(".layer.1.", StringComparison.Ordinal)));
        using var read = PublicCheckpoints.LoadTextClassifier(_mlContext, PretrainedModel.FromFolder(_folder), sentence1ColumnName: "Text");
        Fixture.AssertClose(tensor(Scores(model, data).SelectMany(row => row).ToArray()), tensor(Scores(read, data).SelectMany(row => row).ToArray()), 0, 1e-5);
    }

    // The weights of both would fit.
    [TestMethod]
    [DataRow("last layer")]
    [DataRow("prompt")]
    public void SavePeft_FirstLayer_IsRefusedOnAllLayers(string trained)
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = Trained(data, savesBase: true, trained == "prompt" ? Adapters.PromptTuning with { TokenCount = 2 } : Adapters.LoRA with { Layers = 1 });
        model.Model.SavePeft(_folder);
        var adapter = PublicCheckpoints.LoadPeft(_folder);

        using var read = PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model with { Layers = 1 }, adapter, sentence1ColumnName: "Text");
        var error = Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadTextClassifier(_mlContext, TinyText.Model, adapter, sentence1ColumnName: "Text"));

        CollectionAssert.AreEqual(Scores(model, data).SelectMany(row => row).ToArray(), Scores(read, data).SelectMany(row => row).ToArray());
        StringAssert.Contains(error.Message, "was trained on a base of 1 layers, and this one has 2");
        Assert.ThrowsExactly<InvalidDataException>(() => TinyText.Trainer(_mlContext, options => options.Adapter = adapter).Fit(data));
    }

    [TestMethod]
    public void Layers_MoreThanThereAre_SaysHowMany()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => (TinyText.Model with { Layers = 3 }).Open());

        StringAssert.Contains(error.Message, "PretrainedModel.Layers is 3, but the network of");
        StringAssert.Contains(error.Message, "has 2 layers");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TinyText.Model with { Layers = 0 });
    }

    [TestMethod]
    public void Layers_NoEncoder_IsNotSupported()
    {
        var error = Assert.ThrowsExactly<NotSupportedException>(() => (TinyT5.Model with { Layers = 1 }).Open());

        StringAssert.Contains(error.Message, "Leave PretrainedModel.Layers unset");
    }

    [TestMethod]
    public void Fingerprint_NoNumberOfLayers_IsRefused() =>
        Assert.ThrowsExactly<InvalidDataException>(() => BaseFingerprint.LayersOf(new string('a', 64) + ":many"));

    private TextClassificationTransformer Trained(IDataView data, bool savesBase, AdapterOptions? adapter = null) => TinyText.Trainer(_mlContext, options =>
    {
        options.Adapter = adapter ?? options.Adapter;
        options.Model = TinyText.Model with { Layers = 1 };
        options.SaveBaseModel = savesBase;
        options.MaxEpoch = 1;
    }).Fit(data);

    private static int TinyLayers()
    {
        using var files = TinyText.Model.Open();
        return ModelConfig.Read(files).RequireInt("num_hidden_layers");
    }

    private static float[][] Scores(TextClassificationTransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Score")];
}
