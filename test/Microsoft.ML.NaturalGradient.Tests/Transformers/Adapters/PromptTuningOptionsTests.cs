using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

[TestClass]
public sealed class PromptTuningOptionsTests
{
    [TestMethod]
    public void Attach_Text_StartsFromItsTokensRepeated()
    {
        using var scope = NewDisposeScope();
        using var classifier = PeftFixture.Create(
            Adapters.PromptTuning with { TokenCount = 9, Initialization = PromptInitialization.Text, InitialText = "good film" });
        var words = classifier.Encoder.modules().OfType<EmbeddingLayer>().First();

        // [CLS] good film [SEP], as in the vocabulary of the tiny model.
        Fixture.AssertClose(words.Vectors(tensor(new long[] { 2, 5, 20, 3, 2, 5, 20, 3, 2 })).detach(), words.Prompt!.Vectors.detach(), 0, 0);
    }

    [TestMethod]
    public void Attach_SampledVocabulary_StartsFromRowsOfTheTable()
    {
        using var scope = NewDisposeScope();
        using var classifier = PeftFixture.Create(Adapters.PromptTuning with { TokenCount = 10 });
        var words = classifier.Encoder.modules().OfType<EmbeddingLayer>().First();

        var table = words.Vectors(arange(60)).detach();
        var distance = words.Prompt!.Vectors.detach().unsqueeze(1).sub(table.unsqueeze(0)).abs().sum(2); // [10, 60]

        Assert.AreEqual(0, distance.min(1).values.max().item<double>());
        Assert.IsGreaterThan(3, distance.argmin(1).data<long>().ToArray().Distinct().Count());
    }

    [TestMethod]
    public void Attach_Random_IsStandardNormal()
    {
        using var scope = NewDisposeScope();
        using var classifier = PeftFixture.Create(Adapters.PromptTuning with { TokenCount = 12, Initialization = PromptInitialization.Random });

        var values = classifier.TrainableParameters.First(named => named.Name == PromptAdapter.CheckpointName).Value.detach();

        Assert.AreEqual(0, values.mean().item<double>(), 0.2);
        Assert.AreEqual(1, values.std().item<double>(), 0.2);
    }

    [TestMethod]
    public void Attach_LongerThanTheContext_SaysHowLongItMayBe()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => PeftFixture.Create(Adapters.PromptTuning with { TokenCount = 20 }));

        StringAssert.Contains(exception.Message, "TokenCount is 20");
        StringAssert.Contains(exception.Message, "at most 20");
    }

    [TestMethod]
    public void Validate_OutOfRange_NamesTheSetting()
    {
        AssertInvalid(nameof(PromptTuningOptions.TokenCount), new PromptTuningOptions { TokenCount = 0 });
        AssertInvalid(nameof(PromptTuningOptions.Initialization), new PromptTuningOptions { Initialization = (PromptInitialization)9 });
        AssertInvalid(nameof(PromptTuningOptions.InitialText), new PromptTuningOptions { InitialText = "a" });
        AssertInvalid(nameof(PromptTuningOptions.InitialText), new PromptTuningOptions { Initialization = PromptInitialization.Text });
    }

    private static void AssertInvalid(string setting, PromptTuningOptions options)
    {
        var exception = Assert.Throws<ArgumentException>(options.Validate);
        Assert.AreEqual(setting, exception.ParamName);
        StringAssert.Contains(exception.Message, setting);
    }
}
