using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Adaptation;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The groups of docs/optimizers.md find the parameters of a classifier with LoRA.</summary>
[TestClass]
public sealed class ParameterGroupExampleTests
{
    [TestMethod]
    public void Groups_OfAClassifierWithLora_AreFoundByName()
    {
        #region Groups of parameters
        OptimizerOptions optimizer = Optimizers.Ief with
        {
            WeightDecayPerStep = 1e-5,
            Groups = [ParameterGroup.LoraPlus(ratio: 4), new ParameterGroup("classifier*") { DecayFactor = 0 }],
        };
        #endregion
        using var scope = NewDisposeScope();
        var classifier = PeftFixture.Create("bert-lora");
        using var method = optimizer.Build(new ParameterSet(classifier.TrainableParameters), seed: 1);

        foreach (var (name, i) in classifier.TrainableParameters.Select((named, i) => (named.Name, i)))
        {
            Assert.AreEqual(name.Contains("lora_B", StringComparison.Ordinal) ? 4 : 1, method.Set.RateFactor(i), name);
            Assert.AreEqual(name.StartsWith("classifier", StringComparison.Ordinal) ? 0 : 1, method.Set.DecayFactor(i), name);
        }

        Assert.IsTrue(Enumerable.Range(0, method.Set.Count).Any(i => method.Set.RateFactor(i) == 4));
        Assert.IsTrue(Enumerable.Range(0, method.Set.Count).Any(i => method.Set.DecayFactor(i) == 0));
    }
}
