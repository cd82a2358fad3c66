using Microsoft.ML.NaturalGradient.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

[TestClass]
public sealed class FiniteCheckTests
{
    private const string Dense = "encoder.layer.0.intermediate.dense";

    [TestMethod]
    [DataRow("bert", "bert." + Dense)]
    [DataRow("roberta", "roberta." + Dense)]
    [DataRow("electra", "electra." + Dense)]
    [DataRow("mpnet", "mpnet." + Dense)]
    [DataRow("deberta-v2", "deberta." + Dense)]
    [DataRow("distilbert", "distilbert.transformer.layer.0.ffn.lin1")]
    [DataRow("modernbert", "model.layers.1.mlp.Wi")]
    [DataRow("bert", "bert.embeddings.word_embeddings")]
    public void Outputs_FiniteWeightsThatOverflow_NamesTheLayer(string architecture, string layer)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(architecture);
        using var classifier = fixture.CreateClassifier();
        var batch = fixture.Inputs();
        Fill(classifier, layer + ".weight", 1e308);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => FiniteCheck.Outputs(classifier, () => classifier.Outputs(batch), "Do this."));

        StringAssert.Contains(error.Message, $"those of the layer '{Next(layer)}' are the first to overflow. Do this.");
    }

    [TestMethod]
    public void Outputs_WeightNotFinite_NamesIt()
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("bert");
        using var classifier = fixture.CreateClassifier();
        var batch = fixture.Inputs();
        Fill(classifier, $"bert.{Dense}.bias", double.NaN);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => FiniteCheck.Outputs(classifier, () => classifier.Outputs(batch), "Do this."));

        StringAssert.Contains(error.Message, $"The weight 'bert.{Dense}.bias' of the model has values that are not finite. Do this.");
    }

    [TestMethod]
    public void Outputs_Finite_AreReturnedAfterOnePass()
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("bert");
        using var classifier = fixture.CreateClassifier();
        var (expected, passes) = (classifier.Outputs(fixture.Inputs()), 0);

        var outputs = FiniteCheck.Outputs(classifier, () =>
        {
            passes++;
            return expected;
        }, "");

        Assert.AreSame(expected, outputs);
        Assert.AreEqual(1, passes);
    }

    // Vectors that are looked up are finite themselves.
    private static string Next(string layer) => layer == "bert.embeddings.word_embeddings" ? "bert.embeddings.LayerNorm" : layer;

    private static void Fill(AdaptedNetwork network, string name, double value)
    {
        using var noGrad = no_grad();
        network.FrozenParameters.Concat(network.TrainableParameters).Single(named => named.Name == name).Value.fill_(value);
    }
}
