using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Labelled rows of a data view, tokenized once.</summary>
/// <param name="Rows">The rows that have a label.</param>
/// <param name="Unlabelled">Rows skipped because their label is missing.</param>
/// <param name="Truncated">Rows whose text lost its end.</param>
/// <param name="Undecoded">Rows whose text has U+FFFD, which stands for bytes that could not be decoded.</param>
internal sealed record TextRows(IReadOnlyList<EncodedRow> Rows, int Unlabelled, int Truncated, int Undecoded)
{
    /// <summary>Reads all rows.</summary>
    /// <param name="data">The data, whose columns were checked.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="target">What is predicted.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="maxTokens">Most tokens of a row.</param>
    /// <param name="checkAlive">Called for every row; throws to stop.</param>
    /// <returns>The rows.</returns>
    public static TextRows Read(
        IDataView data, TextColumns columns, PredictionTarget target, ITextTokenizer tokenizer, int maxTokens, Action checkAlive)
    {
        var label = data.Schema[columns.Target.Label];
        var (rows, unlabelled, truncated, undecoded) = (new List<EncodedRow>(), 0, 0, 0);
        using var cursor = data.GetRowCursor(columns.Features.Distinct().Select(name => data.Schema[name]).Append(label));
        var readLabel = target.LabelReader(cursor, label);
        var texts = new TextGetters(cursor, columns);
        while (cursor.MoveNext())
        {
            checkAlive();
            if (readLabel() is not { } value)
            {
                unlabelled++;
                continue;
            }

            var (text, pair) = texts.Read();
            var tokens = tokenizer.Encode(text, pair, maxTokens);
            truncated += tokens.Truncated ? 1 : 0;
            undecoded += text.Contains('\uFFFD', StringComparison.Ordinal) || pair?.Contains('\uFFFD', StringComparison.Ordinal) is true ? 1 : 0;
            rows.Add(new EncodedRow(tokens, value));
        }

        return new TextRows(rows, unlabelled, truncated, undecoded);
    }
}
