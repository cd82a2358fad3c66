using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Compares confidence with accuracy over the rows of a data view.</summary>
internal sealed class CalibrationEvaluation
{
    private const float Rounding = 1e-3f; // probabilities may have been rounded, even to bfloat16

    private readonly float[] _upper;
    private readonly long[] _counts;
    private readonly double[] _confidence;
    private readonly long[] _right;
    private double _squares;
    private long _skipped;

    private CalibrationEvaluation(int binCount)
    {
        _upper = [.. Enumerable.Range(1, binCount).Select(bin => (float)(bin / (double)binCount))];
        (_counts, _confidence, _right) = (new long[binCount], new double[binCount], new long[binCount]);
    }

    /// <summary>Measures.</summary>
    /// <param name="host">The host.</param>
    /// <param name="data">The data.</param>
    /// <param name="labelColumn">Column with the class.</param>
    /// <param name="scoreColumn">Column with the probability of each class.</param>
    /// <param name="binCount">Bins, at least 1.</param>
    /// <returns>The metrics.</returns>
    public static CalibrationMetrics Run(IHost host, IDataView data, string labelColumn, string scoreColumn, int binCount)
    {
        var columns = new EvaluatedColumns(host, data);
        var label = columns.Key("label", labelColumn);
        var names = KeyNames.Read(label);
        var score = columns.Scores("score", scoreColumn, names);
        var slots = names.OfSlots(score, onlyEvidence: true);
        var evaluation = new CalibrationEvaluation(binCount);
        columns.Read([label, score], row =>
        {
            var (getKey, getScores) = (row.GetGetter<uint>(label), row.GetGetter<VBuffer<float>>(score));
            var (key, scores, probabilities) = (0u, default(VBuffer<float>), new float[names.Count]);
            return () =>
            {
                getKey(ref key);
                getScores(ref scores);
                var slot = 0;
                foreach (var probability in scores.DenseValues())
                {
                    probabilities[slots[slot++]] = probability;
                }

                if (key == 0 || key > names.Count || Array.Exists(probabilities, float.IsNaN))
                {
                    evaluation._skipped++;
                    return;
                }

                Check(probabilities, row.Position, scoreColumn);
                evaluation.Add((int)key - 1, probabilities);
            };
        });
        return evaluation.ToMetrics(labelColumn, scoreColumn);
    }

    private static void Check(float[] probabilities, long position, string scoreColumn)
    {
        var wrong = Array.FindIndex(probabilities, probability => probability is < -Rounding or > 1 + Rounding);
        if (wrong >= 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"Row {position + 1} has {probabilities[wrong]} in '{scoreColumn}', which is no probability. Take a column with probabilities from 0 to 1: the trainers of this library write one, others need a calibrator or a softmax first."));
        }
    }

    private void Add(int label, float[] probabilities)
    {
        var confidence = probabilities.Max();
        var place = Array.BinarySearch(_upper, confidence);
        var bin = Math.Min(place < 0 ? ~place : place, _upper.Length - 1); // the first whose upper end is not below it
        _counts[bin]++;
        _confidence[bin] += confidence;
        _right[bin] += Array.IndexOf(probabilities, confidence) == label ? 1 : 0;
        for (var i = 0; i < probabilities.Length; i++)
        {
            var difference = probabilities[i] - (i == label ? 1.0 : 0.0);
            _squares += difference * difference;
        }
    }

    private CalibrationMetrics ToMetrics(string labelColumn, string scoreColumn)
    {
        var count = _counts.Sum();
        if (count == 0)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"None of the {_skipped} rows has both a class in '{labelColumn}' and numbers in '{scoreColumn}'. Let the MapValueToKey that was fitted for the training make the keys."));
        }

        CalibrationBin[] bins =
        [
            .. _counts.Select((rows, bin) => new CalibrationBin
            {
                LowerBound = bin / (double)_counts.Length,
                UpperBound = (bin + 1) / (double)_counts.Length,
                Count = rows,
                MeanConfidence = _confidence[bin] / rows, // not a number for no rows
                Accuracy = (double)_right[bin] / rows,
            }),
        ];
        var filled = bins.Where(bin => bin.Count > 0).ToArray();
        return new CalibrationMetrics
        {
            ExpectedCalibrationError = filled.Sum(bin => bin.Count * Gap(bin)) / count,
            MaximumCalibrationError = filled.Max(Gap),
            BrierScore = _squares / count,
            Count = count,
            SkippedCount = _skipped,
            Bins = bins,
        };

        static double Gap(CalibrationBin bin) => Math.Abs(bin.Accuracy - bin.MeanConfidence);
    }
}
