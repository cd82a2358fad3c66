using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Stress;

/// <summary>Scoring and training beside a thread that collects garbage. The command <c>bench stress</c> runs longer.</summary>
[TestClass]
public sealed class HiddenScalarStressTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    // With square() of TorchSharp in place of Square, about one call of 10,000 fails here.
    [TestMethod]
    public void Arithmetic_BesideCollections_NeverFails()
    {
        using var outer = NewDisposeScope();
        var (a, ids) = (ones(4, 4), TensorMath.Indices(4, CPU));
        Func<Tensor>[] operations =
        [
            () => a.Plus(a), () => a.Plus(1.5), () => a.Times(1.5), () => a.Square(), () => a.Power(1.5), () => a.AtLeast(0.5), () => a.GreaterThan(0.5),
            () => a.FilledWith(1.5), () => ids.Minus(1), () => ids.EqualTo(1), () => ids.NotEqualTo(1), () => ids.AtMost(1), () => TensorMath.Indices(4, CPU),
            () => zeros_like(a).AddRowsInPlace(ids, a),
        ];

        var (_, _, failures) = StressRun.BesideCollections(1_000, () =>
        {
            using var scope = NewDisposeScope();
            Array.ForEach(operations, operation => operation());
        });

        Assert.IsEmpty(failures, string.Join('\n', failures));
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("t5")]
    [DataRow("pictures")]
    public void Score_BesideCollections_GivesTheSameScores(string kind)
    {
        var (model, score) = Fit(kind);
        using var owner = model;
        var expected = score();

        var (_, _, failures) = StressRun.BesideCollections(300, () => StressRun.Same(expected, score()));

        Assert.IsEmpty(failures, string.Join('\n', failures));
    }

    [TestMethod]
    public void Fit_BesideCollections_TakesAllSteps()
    {
        var data = TinyText.KeyedRows(_mlContext, 80);
        var steps = 0;

        var (fits, _, failures) = StressRun.BesideCollections(500, () => TinyText.Trainer(_mlContext, options =>
        {
            options.Optimizer = Optimizers.AdamW;
            options.MaxEpoch = 8;
            options.MetricsCallback = progress => steps += progress.EndOfEpoch ? 0 : 1;
        }).Fit(data).Dispose(), callsToWarmUp: 1);

        Assert.IsEmpty(failures, string.Join('\n', failures));
        Assert.AreEqual(80 * (fits + 2), steps);
    }

    // A tensor in a scope is kept alive by it; one outside has nothing but the stack.
    [TestMethod]
    [DataRow("bert")]
    [DataRow("t5")]
    [DataRow("pictures")]
    public void Score_EveryTensor_IsMadeInADisposeScope(string kind)
    {
        var (model, score) = Fit(kind);
        using var owner = model;
        score();
        var before = DisposeScopeManager.Statistics.CreatedOutsideScopeCount;

        score();

        Assert.AreEqual(before, DisposeScopeManager.Statistics.CreatedOutsideScopeCount);
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("t5")]
    [DataRow("pictures")]
    [DataRow("head")]
    [DataRow("last layer")]
    [DataRow("rounded")]
    [DataRow("few rows")]
    public void Fit_EveryTensor_IsMadeInADisposeScope(string kind)
    {
        var before = DisposeScopeManager.Statistics.CreatedOutsideScopeCount;

        Fit(kind).Model.Dispose();

        Assert.AreEqual(before, DisposeScopeManager.Statistics.CreatedOutsideScopeCount);
    }

    private (IDisposable Model, Func<IReadOnlyList<float[]>> Score) Fit(string kind)
    {
        if (kind == "pictures")
        {
            var pictures = TinyImages.Trainer(_mlContext, options =>
            {
                options.Epoch = 1;
                options.ValidationSetFraction = 0.2;
            }).Fit(TinyImages.KeyedRows(_mlContext));
            byte[][] files = [TinyImages.Png("above", 1), TinyImages.Png("below", 2)];
            return (pictures, () => pictures.Model.PredictProbabilities(files));
        }

        var texts = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = kind == "t5" ? TinyT5.Model : TinyText.Model;
            options.MaxEpoch = 1;
            options.ValidationSetFraction = 0.2;
            options.Adapter = kind switch
            {
                "head" => Adapters.HeadOnly,
                "last layer" => Adapters.LoRA with { Layers = 1 },
                _ => Adapters.LoRA,
            };
            options.FewShot = kind == "few rows";
            options.Precision = kind switch { "last layer" => Precision.Auto, "rounded" => Precision.BFloat16, _ => Precision.Float32 };
        }).Fit(TinyText.KeyedRows(_mlContext, 16));
        return (texts, () => texts.Model.PredictProbabilities(["the film was good", "a dull book, a bad song"]));
    }
}
