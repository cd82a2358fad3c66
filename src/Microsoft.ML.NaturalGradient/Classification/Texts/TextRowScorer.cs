using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Scores rows with texts.</summary>
/// <param name="scorer">The trained network; owned by the caller.</param>
/// <param name="columns">The columns.</param>
internal sealed class TextRowScorer(TextScorer scorer, TextColumns columns) : IRowScorer
{
    /// <inheritdoc/>
    public RowColumns Columns => columns;

    /// <inheritdoc/>
    /// <remarks>Rows read ahead are sorted by length, so that batches are padded little.</remarks>
    public int LargestWindow => 8 * TextScorer.BatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input) => scorer.Task.Outputs(columns.Target, input);

    /// <inheritdoc/>
    public IPendingRows Open(DataViewRow row, IHost host) => new Pending(scorer, scorer.Task.OpenRow(row, columns, scorer.Encoding));

    private sealed class Pending(TextScorer scorer, Func<TextExample> read) : IPendingRows
    {
        private readonly List<TextExample> _rows = [];

        public void Add() => _rows.Add(read());

        public IReadOnlyList<RowScores> Score()
        {
            var scores = scorer.Score(_rows);
            _rows.Clear();
            return scores;
        }
    }
}
