namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A checkpoint's tokenizer: finds added tokens, cleans the text between them, spells its words, adds special tokens.</summary>
/// <remarks>Reference: Hugging Face tokenizers 0.23, special tokens written in the text included.</remarks>
internal sealed class TextTokenizer : ITextTokenizer
{
    // Long texts are read part by part, so that a text far over the limit costs little more than the part that is kept.
    private const int PartLength = 8192;
    private const int MostAddedTokens = 100_000; // each is looked at where one is found

    private readonly TextTokenizerParts _parts;
    private readonly Func<string, string> _clean;
    private readonly bool _cleansInParts;
    private readonly Lazy<bool> _cleansSpaces; // before a text
    private readonly PieceModel _model;
    private readonly SequenceTemplate _template;
    private readonly AddedTokenSplitter? _rawTokens;
    private readonly AddedTokenSplitter? _cleanedTokens;

    /// <summary>Puts a tokenizer together.</summary>
    /// <exception cref="InvalidDataException">There are far more added tokens than any tokenizer has.</exception>
    public TextTokenizer(TextTokenizerParts parts)
    {
        if (parts.AddedTokens.Count > MostAddedTokens)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The tokenizer has {parts.AddedTokens.Count} added tokens; at most {MostAddedTokens} are read. Get the model from a source that you trust."));
        }

        _parts = parts;
        _clean = parts.Cleaning.Apply;
        _cleansSpaces = new Lazy<bool>(() => _clean(" a") is not [' ', ..]);
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
        _cleansInParts = parts.Cleaning.WorksInParts && !Array.Exists(cleaned, MaySpanCut);
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

    /// <summary>Tokens that are recognised in texts.</summary>
    public IReadOnlyCollection<AddedToken> AddedTokens => _parts.AddedTokens;

    /// <summary>Writes the tokenizer as <c>tokenizer.json</c>.</summary>
    /// <returns>UTF-8 text; <see langword="null"/> where the format has no such tokenizer, or it was read from such a file.</returns>
    public byte[]? ToJson() => TokenizerJsonWriter.Write(_parts);

    /// <inheritdoc/>
    public int[] Spell(TextUnit unit)
    {
        var isStart = unit.Start == 0 || (unit.FollowsSpace && _cleansSpaces.Value);
        return [.. Read(unit.FollowsSpace && !_cleansSpaces.Value ? " " + unit.Text : unit.Text, int.MaxValue, isStart)];
    }

    /// <inheritdoc/>
    public int SpecialCount(bool isPair) => _template.SpecialCount(isPair);

    /// <inheritdoc/>
    public PlacedTokens Join(IReadOnlyList<int> first, IReadOnlyList<int>? second) => new(
        _template.Join([.. first], first.Count, second is null ? null : [.. second], second?.Count ?? 0),
        _template.StartOf(TemplateSlot.First, first.Count, second?.Count), _template.StartOf(TemplateSlot.Second, first.Count, second?.Count));

    private static AddedTokenSplitter? SplitterOf(AddedToken[] tokens) => tokens.Length == 0 ? null : new AddedTokenSplitter(tokens);

    /// <summary>Whether a token may be found across a place where text is cut, or takes the spaces there.</summary>
    private static bool MaySpanCut(AddedToken token) =>
        token.TakesSpaceBefore || token.TakesSpaceAfter || token.Content.IndexOf(' ', 1) >= 0;

    /// <summary>Ids of a text without the special tokens around it; reading may stop once there are more than the limit.</summary>
    private List<int> Read(string text, int limit, bool isTextStart = true)
    {
        var ids = new List<int>();
        Split(_rawTokens, UnicodeText.WithoutLoneSurrogates(text), isTextStart, ids, limit, (raw, isRawStart) =>
        {
            if (!_cleansInParts)
            {
                ReadCleaned(_clean(raw), isRawStart, ids, limit);
                return;
            }

            var isStart = isRawStart;
            ReadParts(raw, ids, limit, part =>
            {
                ReadCleaned(_clean(part), isStart, ids, limit);
                isStart = false;
            });
        });
        return ids;
    }

    /// <summary>Words end at spaces, so that cleaned text may be cut there for every kind of model.</summary>
    private void ReadCleaned(string text, bool isTextStart, List<int> ids, int limit) =>
        Split(_cleanedTokens, text, isTextStart, ids, limit, (between, isBetweenStart) =>
        {
            var isStart = isBetweenStart;
            ReadParts(between, ids, limit, part =>
            {
                _model.Encode(part, isStart, ids, limit);
                isStart = false;
            });
        });

    private static void ReadParts(string text, List<int> ids, int limit, Action<string> read)
    {
        for (var start = 0; start < text.Length && ids.Count <= limit;)
        {
            var end = PartEnd(text, start);
            read(start == 0 && end == text.Length ? text : text[start..end]);
            start = end;
        }
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

    /// <summary>A place to cut where no word or run of spaces is torn: before a space, after what no cleaning makes a space of.</summary>
    private static int PartEnd(string text, int start)
    {
        if (text.Length - start <= PartLength)
        {
            return text.Length;
        }

        for (var end = start + PartLength; end < text.Length; end++)
        {
            if (text[end] == ' ' && (text[end - 1] is > ' ' and < '\u007F' || char.IsLetterOrDigit(text[end - 1])))
            {
                return end;
            }
        }

        return text.Length;
    }
}
