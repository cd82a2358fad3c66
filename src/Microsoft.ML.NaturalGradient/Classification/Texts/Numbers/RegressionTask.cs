using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A number for a text.</summary>
/// <param name="target">The number and its scale.</param>
internal sealed class RegressionTask(NumberTarget target) : TextTask
{
    /// <summary>Creates the task before the scale of the labels is known.</summary>
    public RegressionTask()
        : this(new NumberTarget())
    {
    }

    /// <summary>Refuses what numbers have no use for.</summary>
    /// <param name="earlyStopping">When to stop before the last epoch.</param>
    /// <exception cref="ArgumentException">Accuracy is watched.</exception>
    public static void CheckStopping(EarlyStopping? earlyStopping)
    {
        if (earlyStopping is { WatchAccuracy: true })
        {
            throw new ArgumentException("EarlyStopping.WatchAccuracy is set, but numbers have no accuracy. Leave it false to watch the loss.", nameof(earlyStopping));
        }
    }

    /// <inheritdoc/>
    public override PredictionTarget Target => target;

    /// <inheritdoc/>
    public override NumberScoring Scoring { get; } = new();

    /// <inheritdoc/>
    /// <remarks>A head that puts out labels already, since it was trained before, puts out targets from now on.</remarks>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead)
    {
        if (checkpoint.Network is not TextEncoder encoder)
        {
            throw new NotSupportedException("The model answers with text, which is no number. Use an encoder, for example PretrainedModel.BgeSmall.");
        }

        var network = new TextClassifier(encoder, Target.OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null);
        if (useHead && network.HasTrainedOutputs)
        {
            network.RescaleOutputs(1 / target.Deviation, -target.Mean / target.Deviation);
        }

        return network;
    }

    /// <inheritdoc/>
    public override TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => new RegressionTask(NumberTarget.For(labels));

    /// <inheritdoc/>
    public override void Finish(TextNetwork network) => ((TextClassifier)network).RescaleOutputs(target.Deviation, target.Mean);
}
