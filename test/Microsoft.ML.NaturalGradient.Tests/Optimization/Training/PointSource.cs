using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>Points of two overlapping classes, always in the same order.</summary>
internal sealed class PointSource(int count, int batchSize, bool wrongLabels = false) : IBatchSource
{
    public int SampleCount => count;

    public int BatchCount => (count + batchSize - 1) / batchSize;

    public IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0) => From(first);

    public IEnumerable<LabeledBatch> Ordered() => From(0);

    public string Fingerprint() => FormattableString.Invariant($"{count} {batchSize} {wrongLabels}");

    /// <summary>Mean loss and accuracy by hand, of weights W [2, 2] and b [2].</summary>
    public (double Loss, double Accuracy) Evaluate(float[] weights)
    {
        var (loss, correct) = (0.0, 0);
        for (var row = 0; row < count; row++)
        {
            var point = Point(row);
            var z = Enumerable.Range(0, 2).Select(c => (double)((weights[2 * c] * point[0]) + (weights[(2 * c) + 1] * point[1]) + weights[4 + c])).ToArray();
            var label = (int)Label(row);
            loss += Math.Log(Math.Exp(z[0]) + Math.Exp(z[1])) - z[label];
            correct += (z[1] > z[0] ? 1 : 0) == label ? 1 : 0;
        }

        return (loss / count, correct / (double)count);
    }

    private IEnumerable<LabeledBatch> From(int first)
    {
        foreach (var rows in Enumerable.Range(0, count).Chunk(batchSize).Skip(first))
        {
            var points = rows.SelectMany(Point).ToArray();
            yield return new LabeledBatch(
                new PointInput(tensor(points, [rows.Length, 2]).DetachFromDisposeScope()),
                tensor(rows.Select(Label).ToArray()).DetachFromDisposeScope());
        }
    }

    private static float[] Point(int row)
    {
        var side = row % 2 == 0 ? 1 : -1;
        return [(float)(side + (1.2 * Math.Sin(3 * row))), (float)((-0.5 * side) + Math.Cos(5 * row))];
    }

    private long Label(int row) => (row % 2 == 0) == wrongLabels ? 0 : 1;
}
