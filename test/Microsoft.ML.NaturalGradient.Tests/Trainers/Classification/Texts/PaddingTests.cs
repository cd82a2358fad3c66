using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Steps leave padding out, but for methods that count what layers read there.</summary>
[TestClass]
public sealed class PaddingTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    private static Dictionary<string, OptimizerOptions> Methods => new() { ["KFAC"] = Kfac, ["eKFAC"] = Ekfac, ["ieKFAC"] = Iekfac, ["AdaFisher"] = AdaFisher };

    [TestMethod]
    [DataRow("KFAC")]
    [DataRow("eKFAC")]
    [DataRow("ieKFAC")]
    [DataRow("AdaFisher")]
    public void Fit_MethodThatCountsWhatLayersReadAtPadding_ComputesIt(string method)
    {
        var data = TinyText.KeyedRows(_mlContext, 24);
        var usual = Weights();

        using var padded = PackedRows.Forbid();

        CollectionAssert.AreEqual(Weights(), usual);

        float[] Weights()
        {
            // One batch, whose rows have 5 to 13 words.
            using var model = TinyText.Trainer(_mlContext, options => (options.Optimizer, options.BatchSize) = (Methods[method], 24)).Fit(data);
            return [.. model.Model.Scorer.Model.Network.TrainableParameters.SelectMany(named => named.Value.detach().contiguous().data<float>().ToArray())];
        }
    }
}
