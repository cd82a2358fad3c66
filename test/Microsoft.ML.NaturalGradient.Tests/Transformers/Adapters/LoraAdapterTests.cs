using System.Text.Json;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

[TestClass]
public sealed class LoraAdapterTests
{
    private static readonly JsonElement Reference = Fixture.Read($"{BertFixture.Adapter}/reference.json");

    [TestMethod]
    public void Attach_PatternThatBacktracksForever_IsRefusedByName()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => Create(new LoraOptions { TargetPattern = "(([a-z]+[.0-9]*)+)+!" }));

        StringAssert.Contains(exception.Message, "(([a-z]+[.0-9]*)+)+!");
        StringAssert.Contains(exception.Message, "takes more than 1 s for the name 'bert.");
    }

    [TestMethod]
    public void Lookup_PatternsThatTogetherTakeLong_AreRefused()
    {
        var patterns = new LoraPatterns(patience: TimeSpan.Zero);

        var exception = Assert.ThrowsExactly<ArgumentException>(() => patterns.Lookup(new Dictionary<string, int> { ["query"] = 4 }, "layer.query", 8));

        StringAssert.Contains(exception.Message, "takes more than 0 s for the name 'layer.query', with those before");
        Assert.AreEqual(4, new LoraPatterns().Lookup(new Dictionary<string, int> { ["query"] = 4 }, "layer.query", 8));
    }

    [TestMethod]
    public void Forward_NewAdapter_EqualsBaseUntilTrained()
    {
        using var scope = NewDisposeScope();
        using var classifier = BertFixture.CreateClassifier();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));

        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), classifier.Forward(inputs).detach(), 1e-9);
        var down = classifier.TrainableParameters.First(named => named.Name.EndsWith("lora_A.weight", StringComparison.Ordinal)).Value;
        Fixture.AssertLess(1 / Math.Sqrt(24), down.abs().max().item<double>());
        Assert.IsGreaterThan(0.5 / Math.Sqrt(24), down.abs().max().item<double>());
    }

    [TestMethod]
    public void Forward_Dropout_ActsInTrainingOnly()
    {
        using var scope = NewDisposeScope();
        using var classifier = Create(new LoraOptions { Dropout = 0.5 });
        using var noGrad = no_grad();
        var generator = new Generator(3);
        foreach (var parameter in classifier.parameters())
        {
            parameter.normal_(0, 0.2, generator);
        }

        using var inputs = BertFixture.Inputs(Reference.GetProperty("inputs"));
        classifier.train();
        var (first, second) = (classifier.Forward(inputs), classifier.Forward(inputs));
        classifier.eval();
        var (third, fourth) = (classifier.Forward(inputs), classifier.Forward(inputs));

        Assert.IsFalse(first.allclose(second));
        Fixture.AssertClose(third, fourth);
    }

    [TestMethod]
    public void Attach_UnknownTarget_NamesTheLayersThereAre()
    {
        var exception = Assert.ThrowsExactly<ArgumentException>(() => Create(new LoraOptions { TargetModules = ["query", "q_proj"] }));

        StringAssert.Contains(exception.Message, "'q_proj'");
        StringAssert.Contains(exception.Message, "attention.self.query");
        StringAssert.Contains(exception.Message, "intermediate.dense");
    }

    [TestMethod]
    [DataRow("intermediate.dense", 2)]
    [DataRow("dense", 7)]
    [DataRow("encoder.layer.1.attention.self.key", 1)]
    public void Attach_TargetModules_AdaptsLayersWithThatEnding(string target, int layers)
    {
        using var classifier = Create(new LoraOptions { TargetModules = [target] });

        Assert.HasCount((2 * layers) + 2, classifier.TrainableParameters);
    }

    [TestMethod]
    [DataRow(".*layer\\.1\\.attention.*(query|value)", 2)]
    [DataRow("bert\\.pooler\\.dense", 1)]
    [DataRow(".*dense", 7)]
    public void Attach_TargetPattern_AdaptsLayersWhoseWholeNameMatches(string pattern, int layers)
    {
        using var classifier = Create(new LoraOptions { TargetPattern = pattern });

        Assert.HasCount((2 * layers) + 2, classifier.TrainableParameters);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Create(new LoraOptions { TargetPattern = "query" })).Message, "'query'");
    }

    [TestMethod]
    public void Attach_AllLinear_AdaptsEveryLayerButTheHead()
    {
        using var classifier = Create(new LoraOptions { TargetModules = LoraOptions.AllLinear });

        Assert.HasCount((2 * 13) + 2, classifier.TrainableParameters);
    }

    [TestMethod]
    public void Attach_Patterns_GiveTheFirstMatchAtADot()
    {
        using var classifier = Create(new LoraOptions
        {
            RankPattern = new Dictionary<string, int> { ["uery"] = 7, ["layer.0.attention.self.query"] = 2, ["query"] = 3, [".*value"] = 4 },
        });

        var ranks = classifier.TrainableParameters.Where(named => named.Name.EndsWith("lora_A.weight", StringComparison.Ordinal))
            .Select(named => named.Value.shape[0]).ToArray();
        CollectionAssert.AreEqual(new long[] { 2, 4, 3, 4 }, ranks);
    }

    [TestMethod]
    public void Attach_ModulesToSave_TrainsThemAsAWhole()
    {
        using var classifier = Create(new LoraOptions { ModulesToSave = ["pooler", "classifier"] });

        var names = classifier.TrainableParameters.Select(named => named.Name).ToArray();
        CollectionAssert.Contains(names, "bert.pooler.dense.weight");
        Assert.HasCount(8 + 2 + 2, names);
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Create(new LoraOptions { ModulesToSave = ["pool"] })).Message, "'pool'");
        StringAssert.Contains(
            Assert.ThrowsExactly<ArgumentException>(() => Create(new LoraOptions { ModulesToSave = ["attention.self"] })).Message, "low-rank addition");
    }

    [TestMethod]
    public void Forward_NewDoRA_EqualsBaseAndDropsInTrainingOnly()
    {
        using var scope = NewDisposeScope();
        using var classifier = PeftFixture.Create(new LoraOptions { UseDoRA = true, Dropout = 0.5 });
        using var plain = PeftFixture.Create(Adapters.HeadOnly);
        using var inputs = BertFixture.Inputs(Reference.GetProperty("inputs"));
        using var noGrad = no_grad();

        classifier.eval();
        // The magnitudes were computed in float32, as the model was read.
        Fixture.AssertClose(plain.Encoder.Pool(inputs), classifier.Encoder.Pool(inputs), 1e-5, 1e-6);
        foreach (var named in classifier.TrainableParameters.Where(named => named.Name.EndsWith("lora_magnitude_vector", StringComparison.Ordinal)))
        {
            named.Value.fill_(2);
        }

        var (third, fourth) = (classifier.Encoder.Pool(inputs), classifier.Encoder.Pool(inputs));
        classifier.train();
        var (first, second) = (classifier.Encoder.Pool(inputs), classifier.Encoder.Pool(inputs));

        Assert.IsFalse(first.allclose(second));
        Fixture.AssertClose(third, fourth);
    }

    [TestMethod]
    public void Validate_OutOfRange_NamesTheSetting()
    {
        AssertInvalid(nameof(LoraOptions.Rank), new LoraOptions { Rank = 0 });
        AssertInvalid(nameof(LoraOptions.Alpha), new LoraOptions { Alpha = double.NaN });
        AssertInvalid(nameof(LoraOptions.Dropout), new LoraOptions { Dropout = 1 });
        AssertInvalid(nameof(LoraOptions.TargetModules), new LoraOptions { TargetModules = [] });
        AssertInvalid(nameof(LoraOptions.ModulesToSave), new LoraOptions { ModulesToSave = [""] });
        AssertInvalid(nameof(LoraOptions.TargetPattern), new LoraOptions { TargetPattern = "(" });
        AssertInvalid(nameof(LoraOptions.TargetPattern), new LoraOptions { TargetPattern = ".*", TargetModules = ["query"] });
        AssertInvalid(nameof(LoraOptions.RankPattern), new LoraOptions { RankPattern = new Dictionary<string, int> { ["query"] = 0 } });
        AssertInvalid(nameof(LoraOptions.RankPattern), new LoraOptions { RankPattern = new Dictionary<string, int> { ["["] = 1 } });
        AssertInvalid(nameof(LoraOptions.AlphaPattern), new LoraOptions { AlphaPattern = new Dictionary<string, double> { ["query"] = -1 } });
        AssertInvalid(nameof(LoraOptions.Bias), new LoraOptions { Bias = (LoraBias)7 });
    }

    private static TextClassifier Create(LoraOptions options)
    {
        using var files = BertFixture.OpenFiles();
        var encoder = (TextEncoder)Architectures.Find("bert")!.Create(NaturalGradient.Checkpoints.ModelConfig.Read(files));
        try
        {
            return new TextClassifier(encoder, 3, options, seed: 1);
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private static void AssertInvalid(string setting, LoraOptions options)
    {
        var exception = Assert.Throws<ArgumentException>(options.Validate);
        Assert.AreEqual(setting, exception.ParamName);
        StringAssert.Contains(exception.Message, setting);
    }
}
