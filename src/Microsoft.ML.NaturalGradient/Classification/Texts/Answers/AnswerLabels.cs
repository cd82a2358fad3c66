namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Reads where the answers of training rows stand.</summary>
/// <param name="columns">The columns.</param>
/// <param name="isStrict">Whether an answer that is not where its row says is an error; else the row is skipped.</param>
internal sealed class AnswerLabels(Pipelines.AnswerColumns columns, bool isStrict)
{
    /// <summary>Prepares reading.</summary>
    /// <param name="row">The row or cursor, with the columns active.</param>
    /// <returns>Reads where the answer of the current row begins and its length; null where the row has none.</returns>
    public Func<double[]?> Reader(DataViewRow row)
    {
        var getContext = row.GetGetter<ReadOnlyMemory<char>>(row.Schema[columns.Context]);
        var getAnswer = row.GetGetter<ReadOnlyMemory<char>>(row.Schema[columns.Target.Label]);
        var getIndex = row.GetGetter<int>(row.Schema[columns.AnswerIndex]);
        var (context, answer, index) = (default(ReadOnlyMemory<char>), default(ReadOnlyMemory<char>), 0);
        return () =>
        {
            getContext(ref context);
            getAnswer(ref answer);
            getIndex(ref index);
            if (answer.IsEmpty)
            {
                return null;
            }

            if (index >= 0 && index <= context.Length - answer.Length && context.Span.Slice(index, answer.Length).SequenceEqual(answer.Span))
            {
                return [index, answer.Length];
            }

            return !isStrict ? null : throw new InvalidOperationException(FormattableString.Invariant(
                $"Row {row.Position + 1}: the answer '{answer}' does not stand at place {index} of the context. {Found(context, answer)} Places count UTF-16 units from 0. Set Strict to false to skip such rows."));
        };
    }

    private static string Found(ReadOnlyMemory<char> context, ReadOnlyMemory<char> answer) =>
        context.Span.IndexOf(answer.Span, StringComparison.Ordinal) is >= 0 and var place
            ? FormattableString.Invariant($"It stands at {place}.")
            : "It is not in the context at all.";
}
