namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A checkpoint's tokenizer: finds added tokens, cleans the text between them, spells its words, adds special tokens.</summary>
/// <remarks>Reference: Hugging Face tokenizers 0.23, special tokens written in the text included.</remarks>
internal sealed class TextTokenizer : ITextTokenizer
{
    // Long texts are read part by part, so that a text far over the limit costs no more than the part that is kept.
    private const int PartLength = 8192;

    private readonly Func<string, string> _clean;
    private readonly PieceModel _model;
    private readonly SequenceTemplate _template;
    private readonly AddedTokenSplitter? _rawTokens;
    private readonly AddedTokenSplitter? _cleanedTokens;
    private readonly int _partLength;

    /// <summary>Puts a tokenizer together.</summary>
    public TextTokenizer(TextTokenizerParts parts)
    {
        _clean = parts.Clean ?? (text => text);
        _model = parts.Model;
        _template = parts.Template;
        VocabularySize = parts.VocabularySize;
        PadId = parts.PadId;
        MaxTokens = parts.MaxTokens;
        var cleaned = parts.AddedTokens.Where(token => token.Cleaned)
            .Select(token => token with { Content = _clean(token.Content) })
            .Where(token => token.Content.Length > 0).ToArray();
        _rawTokens = SplitterOf([.. parts.AddedTokens.Where(token => !token.Cleaned)]);
        _cleanedTokens = SplitterOf(cleaned);
        _partLength = Array.Exists(cleaned, token => token.Content.TrimStart().Contains(' ', StringComparison.Ordinal)) ? int.MaxValue : PartLength;
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int PadId { get; }

    /// <inheritdoc/>
    public int? MaxTokens { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> does not hold the special tokens.</exception>
    public TokenSequence Encode(string text, string? pair, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(text);
        var specials = _template.SpecialCount(pair is not null);
        var limit = maxLength - specials;
        if (limit < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(maxLength),
                maxLength,
                $"A length of {maxLength} has no room for the special tokens around the text. Use at least {specials}, for example 128.");
        }

        var first = Read(text, limit);
        if (pair is null)
        {
            return _template.Join(first, Math.Min(first.Count, limit), null, 0);
        }

        var second = Read(pair, limit);
        if (first.Count > limit && second.Count > limit)
        {
            // Which text is longer decides who gets the odd token. The reference counts each up to the word that fills the whole sequence.
            first = Read(text, maxLength - 1);
            second = Read(pair, maxLength - 1);
        }

        var (keptFirst, keptSecond) = PairTruncation.Keep(first.Count, second.Count, limit);
        return _template.Join(first, keptFirst, second, keptSecond);
    }

    private static AddedTokenSplitter? SplitterOf(AddedToken[] tokens) => tokens.Length == 0 ? null : new AddedTokenSplitter(tokens);

    /// <summary>Ids of a text without the special tokens around it; reading may stop once there are more than the limit.</summary>
    private List<int> Read(string text, int limit)
    {
        var ids = new List<int>();
        Split(_rawTokens, UnicodeText.WithoutLoneSurrogates(text), true, ids, limit, (raw, isRawStart) =>
        {
            for (var start = 0; start < raw.Length && ids.Count <= limit;)
            {
                var end = PartEnd(raw, start);
                var cleaned = _clean(start == 0 && end == raw.Length ? raw : raw[start..end]);
                Split(_cleanedTokens, cleaned, isRawStart && start == 0, ids, limit, (part, isStart) => _model.Encode(part, isStart, ids, limit));
                start = end;
            }
        });
        return ids;
    }

    /// <summary>Reads what is between added tokens, and the tokens.</summary>
    private static void Split(AddedTokenSplitter? tokens, string text, bool isStart, List<int> ids, int limit, Action<string, bool> read)
    {
        for (var position = 0; position < text.Length && ids.Count <= limit;)
        {
            var (start, end, id) = (text.Length - position, text.Length - position, 0);
            var found = tokens is not null && tokens.TryFind(text.AsSpan(position), out start, out end, out id);
            if (start > 0)
            {
                read(start == text.Length ? text : text.Substring(position, start), isStart && position == 0);
            }

            if (found)
            {
                ids.Add(id);
            }

            position += end;
        }
    }

    /// <summary>A place to cut where no word, accent or run of spaces can be torn: before a space after something else.</summary>
    private int PartEnd(string text, int start)
    {
        if (text.Length - start <= _partLength)
        {
            return text.Length;
        }

        for (var end = start + _partLength; end < text.Length; end++)
        {
            if (text[end] == ' ' && !char.IsWhiteSpace(text[end - 1]))
            {
                return end;
            }
        }

        return text.Length;
    }
}
