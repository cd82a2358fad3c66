using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>BERT's tokenizer: <c>[CLS] text [SEP]</c> or <c>[CLS] text [SEP] pair [SEP]</c>, in word pieces.</summary>
/// <remarks>Reference: the BERT tokenizers of Hugging Face (tokenizers 0.23), special tokens written in the text included.</remarks>
internal sealed class WordPieceTextTokenizer : ITextTokenizer
{
    // Long texts are read part by part, so that a text far over the limit costs no more than the part that is kept.
    private const int PartLength = 8192;

    private readonly WordPieceTokenizer _pieces;
    private readonly SpecialTokenSplitter _specialTokens;
    private readonly int _classId;
    private readonly int _separatorId;

    /// <summary>Builds the tokenizer of a vocabulary.</summary>
    /// <param name="vocabulary">The pieces.</param>
    /// <param name="settings">Text cleaning and names of the special tokens.</param>
    /// <exception cref="InvalidDataException">A special token is not in the vocabulary.</exception>
    public WordPieceTextTokenizer(WordPieceVocabulary vocabulary, WordPieceSettings settings)
    {
        _classId = vocabulary.Find(settings.ClassToken, "cls_token");
        _separatorId = vocabulary.Find(settings.SeparatorToken, "sep_token");
        PadId = vocabulary.Find(settings.PadToken, "pad_token");
        VocabularySize = vocabulary.Size;
        var specialIds = new Dictionary<string, int>(StringComparer.Ordinal)
        {
            [settings.ClassToken] = _classId,
            [settings.SeparatorToken] = _separatorId,
            [settings.PadToken] = PadId,
            [settings.UnknownToken] = vocabulary.Find(settings.UnknownToken, "unk_token"),
        };
        if (vocabulary.TryFind(settings.MaskToken, out var maskId))
        {
            specialIds[settings.MaskToken] = maskId;
        }

        foreach (var token in settings.AddedTokens)
        {
            specialIds[token] = vocabulary.Find(token, "added_tokens_decoder");
        }

        _specialTokens = new SpecialTokenSplitter(specialIds);
        using var stream = vocabulary.ToStream();
        _pieces = WordPieceTokenizer.Create(stream, new WordPieceOptions
        {
            Normalizer = new BertNormalizer(
                settings.Lowercase, settings.StripAccents ?? settings.Lowercase, settings.SeparateIdeographs),
            PreTokenizer = new BertPreTokenizer(),
            UnknownToken = settings.UnknownToken,
        });
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int PadId { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="maxLength"/> does not hold the special tokens.</exception>
    public TokenSequence Encode(string text, string? pair, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(text);
        var limit = maxLength - (pair is null ? 2 : 3);
        if (limit < 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(maxLength),
                maxLength,
                $"A length of {maxLength} has no room for the special tokens around the text. Use at least 3, for example 128.");
        }

        var first = Read(text, limit);
        if (pair is null)
        {
            return Join(first, Math.Min(first.Count, limit), null, 0);
        }

        var second = Read(pair, limit);
        if (first.Count > limit && second.Count > limit)
        {
            // Which text is longer decides who gets the odd token, so both are counted to their end.
            first = Read(text, int.MaxValue);
            second = Read(pair, int.MaxValue);
        }

        var (keptFirst, keptSecond) = PairTruncation.Keep(first.Count, second.Count, limit);
        return Join(first, keptFirst, second, keptSecond);
    }

    /// <summary>Word pieces of a text without the special tokens around it; reading may stop once there are more than the limit.</summary>
    private List<int> Read(ReadOnlySpan<char> text, int limit)
    {
        var ids = new List<int>();
        while (!text.IsEmpty && ids.Count <= limit)
        {
            var found = _specialTokens.TryFind(text, out var start, out var length, out var id);
            ReadWords(text[..start], ids, limit);
            if (found)
            {
                ids.Add(id);
            }

            text = text[(start + length)..];
        }

        return ids;
    }

    private void ReadWords(ReadOnlySpan<char> text, List<int> ids, int limit)
    {
        while (!text.IsEmpty && ids.Count <= limit)
        {
            var length = PartEnd(text);
            ids.AddRange(_pieces.EncodeToIds(text[..length]));
            text = text[length..];
        }
    }

    /// <summary>A place to cut where no word, accent or composed letter can be torn: before white space.</summary>
    private static int PartEnd(ReadOnlySpan<char> text)
    {
        if (text.Length <= PartLength)
        {
            return text.Length;
        }

        var space = text[PartLength..].IndexOfAny(" \n\r\t");
        return space < 0 ? text.Length : PartLength + space;
    }

    private TokenSequence Join(List<int> first, int keptFirst, List<int>? second, int keptSecond)
    {
        var firstEnd = keptFirst + 2;
        var ids = new int[second is null ? firstEnd : firstEnd + keptSecond + 1];
        ids[0] = _classId;
        first.CopyTo(0, ids, 1, keptFirst);
        ids[firstEnd - 1] = _separatorId;
        if (second is null)
        {
            return new TokenSequence(ids, null, keptFirst < first.Count);
        }

        second.CopyTo(0, ids, firstEnd, keptSecond);
        ids[^1] = _separatorId;
        var typeIds = new int[ids.Length];
        typeIds.AsSpan(firstEnd).Fill(1);
        return new TokenSequence(ids, typeIds, keptFirst < first.Count || keptSecond < second.Count);
    }
}
