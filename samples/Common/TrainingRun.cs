using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

namespace Samples;

/// <summary>What one trainer did: the model, how good it is, how long it took, and its loss on the way.</summary>
internal sealed record TrainingRun(
    string Name, ITransformer Model, MulticlassClassificationMetrics Metrics, TimeSpan TrainingTime,
    IReadOnlyList<TrainingProgress> Progress);
