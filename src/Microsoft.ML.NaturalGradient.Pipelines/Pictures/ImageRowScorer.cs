using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Scores rows with pictures.</summary>
/// <remarks>
/// When many rows are scored, a picture that cannot be read costs its row the prediction (missing key, scores NaN) and is reported to the log,
/// unless <see cref="UnreadableImages.Stop"/> was set. A row that is scored by itself, in a prediction engine, always gets an error.
/// </remarks>
/// <param name="predictor">Makes predictions of pictures.</param>
/// <param name="format">What the predictions are.</param>
/// <param name="columns">The columns.</param>
internal sealed class ImageRowScorer(PicturePredictor predictor, PredictionFormat format, ImageColumns columns) : IRowScorer
{
    /// <inheritdoc/>
    public RowColumns Columns => columns;

    /// <inheritdoc/>
    public int LargestWindow => 2 * PicturePredictor.BatchSize;

    /// <inheritdoc/>
    public IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input) => format.Outputs(columns.Target, input);

    /// <inheritdoc/>
    public IPendingRows Open(DataViewRow row, IHost host)
    {
        var getter = new ImageGetter(row, row.Schema[columns.Feature], predictor.Reading.MaxPixels);
        return new Pending(predictor, getter, row is DataViewRowCursor && predictor.Reading.Unreadable == UnreadableImages.Skip ? host : null);
    }

    private sealed class Pending(PicturePredictor predictor, ImageGetter getter, IHost? log) : IPendingRows
    {
        private readonly List<ImageSource> _rows = [];

        public void Add()
        {
            var source = getter.Read();
            _rows.Add(source.HoldsPixels ? source.PrepareNow(predictor.Preprocessor.Prepare, predictor.Reading.MaxPixels) : source);
        }

        public IReadOnlyList<RowScores> Score()
        {
            var rows = _rows.ToArray();
            _rows.Clear(); // also where scoring fails: an engine goes on with its next row
            return [.. predictor.Score(rows, log is null ? null : Warn).Select(row => new PlainScores(row))];
        }

        private void Warn(string problem)
        {
            using var channel = log!.Start("Score");
            channel.Warning($"{problem} The row has no prediction.");
        }
    }
}
