using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Compares predicted answers with references over the rows of a data view.</summary>
internal static class QuestionAnswerEvaluation
{
    /// <summary>Measures.</summary>
    /// <param name="host">The host.</param>
    /// <param name="data">The data.</param>
    /// <param name="answerColumn">Column with the reference or references.</param>
    /// <param name="predictedColumn">Column with the answer, or several whose first counts.</param>
    /// <returns>The metrics.</returns>
    public static QuestionAnswerMetrics Run(IHost host, IDataView data, string answerColumn, string predictedColumn)
    {
        var columns = new EvaluatedColumns(host, data);
        var answer = columns.Texts("answer", answerColumn);
        var predicted = columns.Texts("predicted answer", predictedColumn);
        var (exact, f1) = (0L, 0.0);
        var count = columns.Read([answer, predicted], row =>
        {
            var (readReferences, readPredictions) = (Reader(row, answer), Reader(row, predicted));
            return () =>
            {
                var references = References(readReferences());
                var words = AnswerText.Words(readPredictions().FirstOrDefault(""));
                exact += references.Exists(reference => reference.SequenceEqual(words, StringComparer.Ordinal)) ? 1 : 0;
                f1 += references.Max(reference => AnswerText.F1(reference, words));
            };
        });
        return new QuestionAnswerMetrics { ExactMatch = (double)exact / count, F1 = f1 / count, Count = count };
    }

    // References of which nothing is left do not count beside others; without any the question has no answer.
    private static List<string[]> References(IEnumerable<string> texts)
    {
        var references = texts.Select(AnswerText.Words).Where(words => words.Length > 0).ToList();
        return references.Count > 0 ? references : [[]];
    }

    private static Func<IReadOnlyList<string>> Reader(DataViewRow row, DataViewSchema.Column column)
    {
        if (column.Type is VectorDataViewType)
        {
            var getAll = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
            var texts = default(VBuffer<ReadOnlyMemory<char>>);
            return () =>
            {
                getAll(ref texts);
                return [.. texts.DenseValues().Select(text => text.ToString())];
            };
        }

        var get = row.GetGetter<ReadOnlyMemory<char>>(column);
        var text = default(ReadOnlyMemory<char>);
        return () =>
        {
            get(ref text);
            return [text.ToString()];
        };
    }
}
