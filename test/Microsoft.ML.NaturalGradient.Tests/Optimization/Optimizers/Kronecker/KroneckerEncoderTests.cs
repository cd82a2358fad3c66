using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>The layer-wise methods on the tiny encoder with LoRA.</summary>
[TestClass]
public sealed class KroneckerEncoderTests
{
    public static IEnumerable<object[]> Methods =>
    [
        [Optimizers.Kfac],
        [Optimizers.Ekfac with { WeightSharing = WeightSharing.Reduce }],
        [Optimizers.Iekfac with { DampingForm = KroneckerDamping.Exact }],
        [Optimizers.AdaFisher],
    ];

    [TestMethod]
    [DynamicData(nameof(Methods))]
    public void Step_EncoderWithLora_CoversEveryParameterAndLowersTheLoss(object options)
    {
        using var scope = NewDisposeScope();
        var reference = Fixture.Read("training/bert-lora.json").GetProperty("batches")[0];
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));
        var labels = reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        using var classifier = BertFixture.CreateAdaptedClassifier();
        var method = (OptimizerOptions)options;
        using var optimizer = method.Create([.. classifier.TrainableParameters.Select(named => named.Value)], 0);

        var losses = Enumerable.Range(0, 10).Select(_ =>
        {
            using var stepScope = NewDisposeScope();
            using var batch = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, optimizer.NeedsPerSampleGradients, () => classifier.Forward(inputs));
            optimizer.Step(batch, method.ResolveLearningRate(2));
            return batch.Losses.mean().item<double>();
        }).ToList();

        Assert.IsNull(optimizer.Coverage!.Describe(method.Name));
        Fixture.AssertLess(0.99 * losses[0], losses[^1]);
    }
}
