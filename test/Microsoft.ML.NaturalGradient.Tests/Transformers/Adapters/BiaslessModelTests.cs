using Microsoft.ML.NaturalGradient.Tests.Classification;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Adapters that would train nothing of a model without biases say so.</summary>
[TestClass]
public sealed class BiaslessModelTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("biasless").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("modernbert")]
    [DataRow("t5")]
    public void Fit_ModelWithoutBiases_IsRefused(string name)
    {
        var model = name == "t5" ? TinyT5.Model : SavedFolder.Base(_folder, name);

        Assert.Contains("BiasOnly trains the biases", Refusal(model, Adapters.BiasOnly));
        Assert.Contains("Bias is All, but the pretrained model has no biases", Refusal(model, Adapters.LoRA with { Bias = LoraBias.All }));
        Assert.Contains("Bias is LoraOnly, but the adapted layers have no biases", Refusal(model, Adapters.LoRA with { Bias = LoraBias.LoraOnly }));
    }

    [TestMethod]
    public void Load_SettingsFromFiles_AreTakenAsTheyAre()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        PeftFixture.Copy("t5-lora", _folder, config => config.Replace("\"bias\": \"none\"", "\"bias\": \"all\"", StringComparison.Ordinal));

        // Saved by an earlier version, which trained the head and said nothing.
        using var zip = (TextClassificationTransformer)_mlContext.Model.Load(SavedFolder.Earlier("biases.zip"), out _);
        using var adapted = PublicCheckpoints.LoadTextClassifier(
            _mlContext, TinyT5.Model, PublicCheckpoints.LoadPeft(_folder), ["good", "bad"], "Text");

        SavedFolder.AssertClose(SavedFolder.EarlierScores("biases"), SavedFolder.Scores(zip, data));
        Assert.HasCount(32, SavedFolder.Scores(adapted, data));
    }

    private string Refusal(PretrainedModel model, AdapterOptions adapter) => Assert.ThrowsExactly<ArgumentException>(() => TinyText.Trainer(_mlContext, options =>
    {
        options.Model = model;
        options.Adapter = adapter;
    }).Fit(TinyText.KeyedRows(_mlContext, 8))).Message;
}
