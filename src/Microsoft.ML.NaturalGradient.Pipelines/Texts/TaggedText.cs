using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A text whose words are classified, each at its first token; a long one in windows, of which each word counts in the one that sees most around it.</summary>
internal sealed class TaggedText : TextExample
{
    private readonly int _outputs;
    private readonly IReadOnlyList<TokenWindow> _windows;
    private readonly int[] _owners; // the window of each word
    private readonly int[] _places; // of each word's first token in its window; -1 for words of no token

    /// <summary>Encodes a text.</summary>
    /// <param name="words">Its words.</param>
    /// <param name="encoding">How texts become tokens.</param>
    /// <param name="outputs">Tags that are told apart.</param>
    public TaggedText(IReadOnlyList<TextUnit> words, TextEncoding encoding, int outputs)
    {
        (Words, _outputs) = (words, outputs);
        var tokenizer = encoding.Tokenizer;
        var capacity = encoding.MaxTokens - tokenizer.SpecialCount(isPair: false);
        var pieces = words.Select(word => tokenizer.Spell(new TextUnit(word.Text, 1, FollowsSpace: true))).ToArray(); // the first one too, as transformers spells words that are given one by one
        IsTruncated = Array.Exists(pieces, piece => piece.Length > capacity);
        _windows = TokenWindow.Divide(Array.ConvertAll(pieces, piece => piece.Length), capacity);
        _owners = TokenWindow.Owners(_windows, words.Count);
        _places = new int[words.Count];
        var sequences = new TokenSequence[_windows.Count];
        for (var window = 0; window < _windows.Count; window++)
        {
            var ids = pieces[_windows[window].First.._windows[window].End].SelectMany(piece => piece).Take(capacity).ToArray();
            var (tokens, start, _) = tokenizer.Join(ids, null);
            sequences[window] = tokens;
            for (var (word, place) = (_windows[window].First, start); word < _windows[window].End; place += pieces[word++].Length)
            {
                if (_owners[word] == window)
                {
                    _places[word] = pieces[word].Length > 0 ? place : -1;
                }
            }
        }

        Windows = sequences;
    }

    /// <summary>The words.</summary>
    public IReadOnlyList<TextUnit> Words { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TokenSequence> Windows { get; }

    /// <inheritdoc/>
    /// <remarks>Only words that are longer than a window.</remarks>
    public override bool IsTruncated { get; }

    /// <inheritdoc/>
    public override bool IsUndecoded => Words.Any(word => HasReplacement(word.Text));

    /// <inheritdoc/>
    public override IEnumerable<RowLabel?> Labels(RowLabel label)
    {
        if (label.Values.Length != Words.Count)
        {
            throw new InvalidDataException(
                $"There are {label.Values.Length} tags for {Words.Count} words. Give one tag for each word: words are what stands between white space, or the items of a column of words. "
                + $"The text begins: {MessageText.Few([.. Words.Select(word => word.Text)], " ")}");
        }

        return Windows.Select((tokens, window) =>
        {
            var values = new double[tokens.Ids.Length];
            Array.Fill(values, RowLabel.Filling);
            for (var word = _windows[window].First; word < _windows[window].End; word++)
            {
                if (_owners[word] == window && _places[word] >= 0)
                {
                    values[_places[word]] = label.Values[word];
                }
            }

            return Array.Exists(values, value => value != RowLabel.Filling) ? new RowLabel(values, label.Weight) : default(RowLabel?);
        });
    }

    /// <inheritdoc/>
    /// <returns>Probabilities, words by tags.</returns>
    public override RowScores Combine(ReadOnlySpan<float[]> windows)
    {
        var values = new float[Words.Count * _outputs];
        Array.Fill(values, float.NaN);
        for (var word = 0; word < Words.Count; word++)
        {
            if (_places[word] >= 0)
            {
                windows[_owners[word]].AsSpan(_places[word] * _outputs, _outputs).CopyTo(values.AsSpan(word * _outputs));
            }
        }

        return new TagScores(values, Words);
    }
}
