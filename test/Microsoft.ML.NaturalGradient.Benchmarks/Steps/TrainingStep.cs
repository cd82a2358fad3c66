using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>A training step as the training loop makes it.</summary>
internal static class TrainingStep
{
    // Too small to change the weights' magnitudes, so that every step does the same work.
    private const double LearningRate = 1e-6;

    private static readonly SoftmaxCrossEntropy Objective = new();

    /// <summary>Makes one step.</summary>
    /// <param name="model">The model; changed.</param>
    /// <param name="batch">The batch.</param>
    /// <param name="labels">Its classes, [N].</param>
    /// <param name="optimizer">The optimizer of the model's parameters.</param>
    /// <param name="learningRate">The learning rate.</param>
    public static void Run(ITrainableModel model, ModelInput batch, Tensor labels, Optimizer optimizer, double learningRate = LearningRate)
    {
        using var scope = NewDisposeScope();
        using var evaluation = BatchEvaluation.Run(
            Objective, labels, optimizer.NeedsPerSampleGradients, () => model.Forward(batch));
        optimizer.Step(evaluation, learningRate);
    }
}
