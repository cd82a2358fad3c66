namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Splits text whose spaces were replaced by <c>▁</c> before each <c>▁</c>, as SentencePiece's words begin.</summary>
internal sealed class MetaspacePreTokenizer : SpanPreTokenizer
{
    /// <summary>U+2581, which stands for a space in the pieces of a vocabulary.</summary>
    public const char Space = '\u2581';

    /// <summary>Replaces spaces and, for a text that does not begin with one, adds one.</summary>
    /// <param name="text">Cleaned text.</param>
    /// <param name="add">Whether to add one.</param>
    public static string Mark(string text, bool add)
    {
        var marked = text.Replace(' ', Space);
        return add && !marked.StartsWith(Space) ? Space + marked : marked;
    }

    /// <summary>Puts one <c>▁</c> before each word, and nothing else between the words.</summary>
    /// <param name="text">Cleaned text with white space of any kind.</param>
    public static string MarkWords(string text) => string.Concat(
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => word.StartsWith(Space) ? word : Space + word));

    /// <inheritdoc/>
    public override IEnumerable<(int Offset, int Length)> PreTokenize(ReadOnlySpan<char> text)
    {
        var words = new List<(int Offset, int Length)>();
        for (var start = 0; start < text.Length;)
        {
            var rest = text[(start + 1)..].IndexOf(Space);
            var length = rest < 0 ? text.Length - start : rest + 1;
            words.Add((start, length));
            start += length;
        }

        return words;
    }
}
