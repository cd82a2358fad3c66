using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Counts labels over the rows of a data view, each of which may have any number of them.</summary>
internal sealed class MultiLabelEvaluation
{
    private readonly KeyNames _names;
    private readonly MatchCounts[] _counts;
    private readonly RankedScores[] _scores;
    private long _rightRows;

    private MultiLabelEvaluation(KeyNames names)
    {
        _names = names;
        _counts = [.. Enumerable.Range(0, names.Count).Select(_ => new MatchCounts())];
        _scores = [.. Enumerable.Range(0, names.Count).Select(_ => new RankedScores())];
    }

    /// <summary>Measures.</summary>
    /// <param name="host">The host.</param>
    /// <param name="data">The data.</param>
    /// <param name="labelColumn">Column with the labels.</param>
    /// <param name="scoreColumn">Column with a score for each class.</param>
    /// <param name="predictedColumn">Column with the predicted labels.</param>
    /// <returns>The metrics.</returns>
    public static MultiLabelMetrics Run(IHost host, IDataView data, string labelColumn, string scoreColumn, string predictedColumn)
    {
        var columns = new EvaluatedColumns(host, data);
        var label = columns.Keys("label", labelColumn);
        var names = KeyNames.Read(label);
        var predicted = columns.Keys("predicted labels", predictedColumn);
        var score = columns.Scores("score", scoreColumn, names);
        var (places, slots) = (names.Find(KeyNames.Read(predicted)), names.OfSlots(score));
        var evaluation = new MultiLabelEvaluation(names);
        var rows = columns.Read([label, predicted, score], row =>
        {
            var (readLabels, readPredictions) = (SetReader(row, label, [.. Enumerable.Range(0, names.Count)], names.Count), SetReader(row, predicted, places, names.Count));
            var getScores = row.GetGetter<VBuffer<float>>(score);
            var scores = default(VBuffer<float>);
            return () =>
            {
                getScores(ref scores);
                evaluation.Add(readLabels(), readPredictions(), scores, slots);
            };
        });
        return evaluation.ToMetrics(rows);
    }

    // Which classes a row has: duplicates count once, missing keys not at all.
    private static Func<bool[]> SetReader(DataViewRow row, DataViewSchema.Column column, int[] places, int count)
    {
        var get = row.GetGetter<VBuffer<uint>>(column);
        var (keys, members) = (default(VBuffer<uint>), new bool[count]);
        return () =>
        {
            get(ref keys);
            Array.Clear(members);
            foreach (var key in keys.DenseValues())
            {
                if (key > 0 && key <= places.Length)
                {
                    members[places[key - 1]] = true;
                }
            }

            return members;
        };
    }

    private void Add(bool[] labels, bool[] predictions, VBuffer<float> scores, int[] slots)
    {
        _rightRows += labels.AsSpan().SequenceEqual(predictions) ? 1 : 0;
        var slot = 0;
        foreach (var score in scores.DenseValues())
        {
            var place = slots[slot++];
            var counts = _counts[place];
            counts.Actual += labels[place] ? 1 : 0;
            counts.Predicted += predictions[place] ? 1 : 0;
            counts.Correct += labels[place] && predictions[place] ? 1 : 0;
            _scores[place].Add(score, labels[place]);
        }
    }

    private MultiLabelMetrics ToMetrics(long rows)
    {
        var all = MatchCounts.Sum(_counts);
        MultiLabelClassMetrics[] classes = [.. _counts.Select((counts, place) => new MultiLabelClassMetrics(_names[place], counts, _scores[place].AveragePrecision()))];
        return new MultiLabelMetrics
        {
            MicroPrecision = all.Precision,
            MicroRecall = all.Recall,
            MicroF1 = all.F1,
            MacroF1 = classes.Average(one => one.F1),
            MeanAveragePrecision = classes.Where(one => one.Support > 0).Select(one => one.AveragePrecision).DefaultIfEmpty(double.NaN).Average(),
            SubsetAccuracy = (double)_rightRows / rows,
            HammingLoss = (all.Actual + all.Predicted - (2 * all.Correct)) / ((double)rows * classes.Length),
            Count = rows,
            PerClass = classes,
        };
    }
}
