using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>A classifier and the recorded evaluation of one batch; owns both.</summary>
internal sealed class AdaptedRun(TextClassifier classifier, TokenBatch inputs, Tensor labels) : IDisposable
{
    public TextClassifier Classifier { get; } = classifier;

    public BatchEvaluation Batch { get; } = BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => classifier.Forward(inputs));

    public Tensor NormalisedSeeds() => Batch.LogitGradients.div(Batch.SquaredNorms.sqrt().unsqueeze(1));

    public void Dispose()
    {
        Batch.Dispose();
        Classifier.Dispose();
    }
}
