using System.Runtime.InteropServices;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Processes;
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

    /// <summary>Puts the rows of all processes together.</summary>
    /// <param name="group">The processes; each has rows of its own.</param>
    /// <returns>The rows of the first process, then those of the second, and so on.</returns>
    public TextRows OfAll(ProcessGroup group)
    {
        double[] counts = [Unlabelled, Weightless, Truncated, Undecoded];
        group.AllReduce(counts);
        var rows = group.Concatenate(Rows, Write, Read);
        return new TextRows(rows, (int)counts[0], (int)counts[1], (int)counts[2], (int)counts[3]);
    }

    private static void Write(BinaryWriter writer, IReadOnlyList<EncodedRow> windows)
    {
        writer.Write(windows.Count);
        foreach (var (tokens, label) in windows)
        {
            WriteNumbers(writer, tokens.Ids);
            WriteNumbers(writer, tokens.TypeIds ?? []); // a text has at least its special tokens
            writer.Write(tokens.Truncated);
            label.WriteTo(writer);
        }
    }

    private static EncodedRow[] Read(BinaryReader reader)
    {
        var windows = new EncodedRow[reader.ReadInt32()];
        for (var i = 0; i < windows.Length; i++)
        {
            var (ids, types) = (ReadNumbers(reader), ReadNumbers(reader));
            windows[i] = new EncodedRow(new TokenSequence(ids, types.Length == 0 ? null : types, reader.ReadBoolean()), RowLabel.ReadFrom(reader));
        }

        return windows;
    }

    private static void WriteNumbers(BinaryWriter writer, int[] numbers)
    {
        writer.Write(numbers.Length);
        writer.Write(MemoryMarshal.AsBytes(numbers.AsSpan()));
    }

    private static int[] ReadNumbers(BinaryReader reader)
    {
        var numbers = new int[reader.ReadInt32()];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
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
