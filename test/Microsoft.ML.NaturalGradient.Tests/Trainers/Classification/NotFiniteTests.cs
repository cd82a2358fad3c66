using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tests.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>No NaN comes out: neither a model nor a score nor a setting that would lead to one.</summary>
[TestClass]
public sealed class NotFiniteTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    [DataRow(1, true)]
    [DataRow(3, true)]
    [DataRow(1, false)]
    [DataRow(3, false)]
    public void Fit_RateThatRuinsTheWeights_Throws(int epochs, bool recover)
    {
        // One step for each epoch: the loss of the first is that of the weights before it.
        var data = TinyText.KeyedRows(_mlContext, 40);
        var trainer = TinyText.Trainer(_mlContext, options =>
        {
            (options.Optimizer, options.Adapter) = (Optimizers.Sgd with { LearningRate = 1e30 }, Adapters.Full);
            (options.MaxEpoch, options.BatchSize, options.RecoverFromDivergence) = (epochs, 64, recover);
        });

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(data));

        StringAssert.Contains(error.Message, "ower LearningRate");
    }

    [TestMethod]
    [DataRow("bert.encoder.layer.0.output.dense.weight", 1e308, "those of the layer 'bert.encoder.layer.0.output.dense' are the first to overflow")]
    [DataRow("classifier.weight", double.NaN, "The weight 'classifier.weight' of the model has values that are not finite")]
    public void CheckTrained_NetworkThatCannotBeUsed_Throws(string name, double value, string expected)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("bert");
        using var network = fixture.CreateClassifier();
        var rows = new OneBatch(fixture);
        network.SetTraining(true);
        NetworkTraining.CheckTrained(network, rows);
        Assert.IsFalse(network.training);
        using (no_grad())
        {
            network.FrozenParameters.Concat(network.TrainableParameters).Single(named => named.Name == name).Value.fill_(value);
        }

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => NetworkTraining.CheckTrained(network, rows));

        StringAssert.Contains(error.Message, expected);
        StringAssert.Contains(error.Message, "The training ended without a model that could be used. Lower LearningRate or raise Damping.");
    }

    [TestMethod]
    public void Transform_ModelThatOverflows_ThrowsInsteadOfScoringNaN()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        var network = model.Model.Scorer.Model.Network;
        using (no_grad())
        {
            network.FrozenParameters.Single(named => named.Name == "bert.encoder.layer.1.output.dense.weight").Value.fill_(3e38);
        }

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TinyText.Scores(model, data));

        StringAssert.Contains(error.Message, "'bert.encoder.layer.1.output.dense'");
    }

    [TestMethod]
    [DataRow(1e308)]
    [DataRow(1e-320)]
    [DataRow(double.PositiveInfinity)]
    public void Trainer_LoraAlphaBeyondSingle_IsRefused(double alpha)
    {
        var one = Assert.ThrowsExactly<ArgumentOutOfRangeException>(
            () => TinyText.Trainer(_mlContext, options => options.Adapter = Adapters.LoRA with { Alpha = alpha }));
        var other = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TinyText.Trainer(
            _mlContext, options => options.Adapter = Adapters.LoRA with { AlphaPattern = new Dictionary<string, double> { ["query"] = alpha } }));

        StringAssert.Contains(one.Message, "Alpha is ");
        StringAssert.Contains(other.Message, "AlphaPattern is ");
        Assert.AreEqual(double.IsFinite(alpha), one.Message.Contains("which float32 does not hold", StringComparison.Ordinal));
    }

    [TestMethod]
    [DynamicData(nameof(EveryOptimizer.All), typeof(EveryOptimizer))]
    public void Validate_EveryNumberOfEveryOptimizer_HasToBeOneThatSingleHolds(string name, object options)
    {
        foreach (var property in options.GetType().GetProperties().Where(property => property.PropertyType == typeof(double) || property.PropertyType == typeof(double?)))
        {
            foreach (var value in new[] { double.NaN, double.PositiveInfinity, 1e308, -1 })
            {
                if (property.Name is nameof(EmpiricalFisherOptions.MomentumGuard) or nameof(IefOptions.TargetLimit) && value > 0)
                {
                    continue; // no limit
                }

                var changed = (OptimizerOptions)options with { };
                property.SetValue(changed, value);

                var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(changed.Validate, $"{name}.{property.Name} = {value}");

                StringAssert.Contains(error.Message, property.Name);
            }
        }
    }

    /// <summary>The reference inputs of a fixture as the only batch.</summary>
    private sealed class OneBatch(EncoderFixture fixture) : IBatchSource
    {
        public int SampleCount => fixture.Reference.GetProperty("labels").GetArrayLength();

        public int BatchCount => 1;

        public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => Ordered();

        public string Fingerprint() => "";

        public IEnumerable<LabeledBatch> Ordered() => [new(fixture.Inputs(), fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64))];
    }
}
