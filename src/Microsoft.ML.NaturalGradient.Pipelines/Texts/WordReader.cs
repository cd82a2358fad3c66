using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Reads the words of rows.</summary>
internal static class WordReader
{
    /// <summary>Prepares reading.</summary>
    /// <param name="row">The row or cursor, with the column active.</param>
    /// <param name="name">The column: text, whose words stand between white space, or a vector of words.</param>
    /// <returns>Reads the words of the current row.</returns>
    public static Func<IReadOnlyList<TextUnit>> Open(DataViewRow row, string name)
    {
        var column = row.Schema[name];
        if (column.Type is not VectorDataViewType)
        {
            var getText = row.GetGetter<ReadOnlyMemory<char>>(column);
            var text = default(ReadOnlyMemory<char>);
            return () =>
            {
                getText(ref text);
                return TextUnits.Words(text.ToString());
            };
        }

        var getWords = row.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column);
        var words = default(VBuffer<ReadOnlyMemory<char>>);
        return () =>
        {
            getWords(ref words);
            return Joined(words.DenseValues().Select(word => word.ToString()));
        };
    }

    // As parts of the text that they are when a space stands between them.
    private static List<TextUnit> Joined(IEnumerable<string> words)
    {
        var units = new List<TextUnit>();
        foreach (var word in words)
        {
            units.Add(units.Count == 0 ? new TextUnit(word, 0, false) : new TextUnit(word, units[^1].End + 1, true));
        }

        return units;
    }
}
