using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Training;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>What the steps of a run lower: the loss of the labels, or first that of pairs of rows.</summary>
/// <param name="Model">The network, as the loss reads it.</param>
/// <param name="Objective">The loss.</param>
/// <param name="ClassCount">Number of classes by which an optimizer chooses its default learning rate.</param>
/// <param name="GuessLoss">Mean loss of a row about which nothing is known.</param>
/// <param name="LossName">What the log calls the loss.</param>
/// <param name="Present">Converts a report from the units of the loss.</param>
/// <param name="IsOfLabels">Whether it is the loss of the labels, so that validation rows can be watched by it.</param>
internal sealed record TrainingGoal(
    ITrainableModel Model, IObjective Objective, int ClassCount, double GuessLoss, string LossName, Func<TrainingProgress, TrainingProgress> Present, bool IsOfLabels)
{
    /// <summary>The loss of the labels.</summary>
    /// <param name="network">The network.</param>
    /// <param name="target">What is predicted.</param>
    public static TrainingGoal OfLabels(AdaptedNetwork network, PredictionTarget target) =>
        new(network, target.Objective, target.RateClassCount, target.GuessLoss, target.LossName, target.Present, IsOfLabels: true);

    /// <summary>Vectors of one class together, those of others apart.</summary>
    /// <param name="network">The network, whose head takes no part.</param>
    public static TrainingGoal OfPairs(AdaptedNetwork network) =>
        new(new PairNetwork(network), new ClassPairs(), ClassPairs.EquivalentClassCount, ClassPairs.GuessLoss, "loss of pairs", progress => progress, IsOfLabels: false);
}
