using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Counts entities and tags over the rows of a data view.</summary>
internal sealed class NamedEntityEvaluation
{
    private readonly Dictionary<string, MatchCounts> _types = new(StringComparer.Ordinal);
    private readonly List<EntitySpan> _actualSpans = [];
    private readonly List<EntitySpan> _predictedSpans = [];
    private long _words;
    private long _rightTags;

    private NamedEntityEvaluation()
    {
    }

    /// <summary>Measures.</summary>
    /// <param name="host">The host.</param>
    /// <param name="data">The data.</param>
    /// <param name="labelColumn">Column with the tags.</param>
    /// <param name="predictedColumn">Column with the predicted tags.</param>
    /// <returns>The metrics.</returns>
    public static NamedEntityMetrics Run(IHost host, IDataView data, string labelColumn, string predictedColumn)
    {
        var columns = new EvaluatedColumns(host, data);
        var label = columns.NamedKeys("label", labelColumn);
        var predicted = columns.NamedKeys("predicted label", predictedColumn);
        var evaluation = new NamedEntityEvaluation();
        columns.Read([label, predicted], row =>
        {
            var (actual, guessed) = (new TagReader(row, label), new TagReader(row, predicted));
            return () =>
            {
                actual.Read();
                guessed.Read();
                if (actual.Tags.Count != guessed.Tags.Count)
                {
                    throw new InvalidOperationException(FormattableString.Invariant(
                        $"Row {row.Position + 1} has {actual.Tags.Count} tags in '{labelColumn}' and {guessed.Tags.Count} in '{predictedColumn}'. Give each word one of both."));
                }

                evaluation.Add(actual, guessed);
            };
        });
        return evaluation.ToMetrics(labelColumn);
    }

    private void Add(TagReader actual, TagReader predicted)
    {
        for (var word = 0; word < actual.Tags.Count; word++)
        {
            if (actual.Names[word] is { } name)
            {
                _words++;
                var isRight = actual.Tags[word] == EntityTag.Outside ? predicted.Tags[word] == EntityTag.Outside : name == predicted.Names[word]; // O, 0 and none at all say the same
                _rightTags += isRight ? 1 : 0;
            }
        }

        EntitySpan.Find(actual.Tags, _actualSpans);
        EntitySpan.Find(predicted.Tags, _predictedSpans);
        foreach (var span in _actualSpans)
        {
            OfType(span.Type).Actual++;
        }

        var next = 0; // both are in the order of the words
        foreach (var span in _predictedSpans)
        {
            OfType(span.Type).Predicted++;
            while (next < _actualSpans.Count && _actualSpans[next].Start < span.Start)
            {
                next++;
            }

            OfType(span.Type).Correct += next < _actualSpans.Count && _actualSpans[next] == span ? 1 : 0;
        }
    }

    private MatchCounts OfType(string type)
    {
        if (!_types.TryGetValue(type, out var counts))
        {
            _types[type] = counts = new MatchCounts();
        }

        return counts;
    }

    private NamedEntityMetrics ToMetrics(string labelColumn)
    {
        if (_words == 0)
        {
            throw new InvalidOperationException(
                $"No word of the data has a tag in '{labelColumn}': the keys are missing. Let a MapValueToKey that knows the tags make them.");
        }

        var all = MatchCounts.Sum(_types.Values);
        var types = new SortedDictionary<string, EntityTypeMetrics>(StringComparer.Ordinal);
        foreach (var (type, counts) in _types)
        {
            types[type] = new EntityTypeMetrics(counts);
        }

        return new NamedEntityMetrics
        {
            Precision = all.Precision,
            Recall = all.Recall,
            F1 = all.F1,
            MacroF1 = types.Count == 0 ? 0 : types.Values.Average(type => type.F1),
            TagAccuracy = (double)_rightTags / _words,
            EntityCount = all.Actual,
            PredictedCount = all.Predicted,
            CorrectCount = all.Correct,
            PerType = types,
        };
    }

    /// <summary>Reads the tags of the words of a row.</summary>
    private sealed class TagReader
    {
        private readonly string[] _names;
        private readonly EntityTag[] _tags;
        private readonly ValueGetter<VBuffer<uint>> _get;
        private VBuffer<uint> _keys;

        public TagReader(DataViewRow row, DataViewSchema.Column column)
        {
            var names = KeyNames.Read(column);
            _names = [.. Enumerable.Range(0, names.Count).Select(key => names[key])];
            _tags = [.. _names.Select(EntityTag.Parse)];
            _get = row.GetGetter<VBuffer<uint>>(column);
        }

        /// <summary>The tags as they are written; null where a word has none.</summary>
        public List<string?> Names { get; } = [];

        /// <summary>What they say; outside where a word has none.</summary>
        public List<EntityTag> Tags { get; } = [];

        public void Read()
        {
            _get(ref _keys);
            Names.Clear();
            Tags.Clear();
            foreach (var key in _keys.DenseValues())
            {
                var isKnown = key > 0 && key <= _names.Length;
                Names.Add(isKnown ? _names[key - 1] : null);
                Tags.Add(isKnown ? _tags[key - 1] : EntityTag.Outside);
            }
        }
    }
}
