using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Labelled rows of a data view, tokenized once.</summary>
/// <param name="Rows">The rows that have a label, each in one window or several.</param>
/// <param name="Unlabelled">Rows skipped because their label is missing, or stands at nothing that the network can read.</param>
/// <param name="Weightless">Rows skipped because their weight is zero.</param>
/// <param name="Truncated">Rows whose text lost its end.</param>
/// <param name="Undecoded">Rows whose text has U+FFFD, which stands for bytes that could not be decoded.</param>
internal sealed record TextRows(IReadOnlyList<IReadOnlyList<EncodedRow>> Rows, int Unlabelled, int Weightless, int Truncated, int Undecoded)
{
    /// <summary>Reads all rows.</summary>
    /// <param name="data">The data, whose columns were checked.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="task">What is predicted.</param>
    /// <param name="encoding">How texts become tokens.</param>
    /// <param name="checkAlive">Called for every row; throws to stop.</param>
    /// <returns>The rows.</returns>
    /// <exception cref="InvalidDataException">A label does not fit its text; the message names the row.</exception>
    public static TextRows Read(IDataView data, TextColumns columns, TextTask task, TextEncoding encoding, Action checkAlive)
    {
        var (rows, truncated, undecoded, unreadable) = (new List<IReadOnlyList<EncodedRow>>(), 0, 0, 0);
        using var cursor = data.GetRowCursor(columns.TrainingInputs.Distinct().Select(name => data.Schema[name]));
        var labels = new LabelReader(cursor, columns.Target, task.Target);
        var read = task.Scoring.OpenRow(cursor, columns, encoding);
        while (cursor.MoveNext())
        {
            checkAlive();
            if (!labels.TryRead(out var label))
            {
                continue;
            }

            var example = read();
            truncated += example.IsTruncated ? 1 : 0;
            undecoded += example.IsUndecoded ? 1 : 0;
            if (Encode(example, label, cursor.Position) is { Count: > 0 } windows)
            {
                rows.Add(windows);
            }
            else
            {
                unreadable++;
            }
        }

        return new TextRows(rows, labels.Unlabelled + unreadable, labels.Weightless, truncated, undecoded);
    }

    private static List<EncodedRow> Encode(TextExample example, RowLabel label, long position)
    {
        try
        {
            return [.. example.Windows.Zip(example.Labels(label)).Where(pair => pair.Second is not null).Select(pair => new EncodedRow(pair.First, pair.Second!.Value))];
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(FormattableString.Invariant($"Row {position + 1}: {e.Message}"), e);
        }
    }
}
