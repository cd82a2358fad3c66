using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

[TestClass]
public sealed class MergeTests
{
    [TestMethod]
    [DataRow("bert-lora")]
    [DataRow("bert-lora-wide")]
    [DataRow("bert-lora-pattern")]
    [DataRow("bert-dora")]
    public void Merge_LogitsStayTheSameAndUnmergeRestoresTheBits(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var classifier = PeftFixture.Create(name);
        using var inputs = BertFixture.Inputs(PeftFixture.Reference(name).GetProperty("inputs"));
        var layers = classifier.Encoder.modules().OfType<LinearLayer>().ToArray();
        var before = Values(classifier);
        var logits = classifier.Forward(inputs);

        Array.ForEach(layers, layer => layer.Merge());
        Array.ForEach(layers, layer => layer.Merge());
        var merged = classifier.Forward(inputs);
        var frozen = classifier.FrozenParameters.Select(named => named.Value.clone()).ToArray();
        var changed = layers.Count(layer => layer.IsMerged && !layer.OwnWeight.Equals(layer.named_parameters().First(named => named.name == "weight").parameter));
        Array.ForEach(layers, layer => layer.Unmerge());
        var after = Values(classifier);

        Fixture.AssertClose(logits, merged, 1e-12, 1e-12);
        Assert.AreEqual(layers.Count(layer => layer.Adapter is not null), changed);
        foreach (var (key, value) in before)
        {
            CollectionAssert.AreEqual(value, after[key], key);
        }

        CollectionAssert.AreEqual(
            classifier.FrozenParameters.SelectMany(named => named.Value.bytes.ToArray()).ToArray(), frozen.SelectMany(value => value.bytes.ToArray()).ToArray());
    }

    [TestMethod]
    public void Merge_ThenUnmerge_LeavesNoLiveTensor()
    {
        using var classifier = PeftFixture.Create("bert-dora");
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        foreach (var layer in classifier.Encoder.modules().OfType<LinearLayer>())
        {
            layer.Merge();
            layer.Unmerge();
        }

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [TestMethod]
    [DataRow("bert-dora")]
    [DataRow("bert-prompt")]
    public void Forward_LeavesOneLiveTensor(string name)
    {
        using var classifier = PeftFixture.Create(name);
        using var inputs = BertFixture.Inputs(PeftFixture.Reference(name).GetProperty("inputs"));
        using var noGrad = no_grad();
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        using var logits = Score(classifier, inputs);

        Assert.AreEqual(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    private static Tensor Score(TextClassifier classifier, NaturalGradient.Batching.TokenBatch inputs)
    {
        using var scope = NewDisposeScope();
        return classifier.Forward(inputs).MoveToOuterDisposeScope();
    }

    private static Dictionary<string, byte[]> Values(TextClassifier classifier) =>
        classifier.named_parameters().ToDictionary(named => named.name, named => named.parameter.bytes.ToArray());
}
