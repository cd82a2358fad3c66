using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Scores rows with texts.</summary>
/// <param name="predictor">Makes predictions of texts.</param>
/// <param name="scoring">What is predicted.</param>
/// <param name="columns">The columns.</param>
internal sealed class TextRowScorer(TextPredictor predictor, TextScoring scoring, TextColumns columns) : IRowScorer
{
    /// <inheritdoc/>
    public RowColumns Columns => columns;

    /// <inheritdoc/>
    /// <remarks>Rows read ahead are sorted by length, so that batches are padded little.</remarks>
    public int LargestWindow => 8 * TextPredictor.BatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input) => scoring.Outputs(columns.Target, input);

    /// <inheritdoc/>
    public IPendingRows Open(DataViewRow row, IHost host) => new Pending(predictor, scoring.OpenRow(row, columns, predictor.Encoding));

    private sealed class Pending(TextPredictor predictor, Func<TextExample> read) : IPendingRows
    {
        private readonly List<TextExample> _rows = [];

        public void Add() => _rows.Add(read());

        public IReadOnlyList<RowScores> Score()
        {
            var rows = _rows.ToArray();
            _rows.Clear(); // also where scoring fails: an engine goes on with its next row
            return predictor.Score(rows);
        }
    }
}
