using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>The words that a text-to-text model answers with, one for each class, as tokens that end with the end token.</summary>
/// <remarks>
/// Classes are told apart by the probability of the whole word with its end token. So no word need differ from the others in its first token,
/// and none may be the beginning of another; only words of the same tokens are refused. <see cref="SharedFirstTokens"/> is for a warning.
/// </remarks>
internal sealed class LabelWords
{
    private const int MaxTokens = 64;

    private readonly int[][] _tokens; // of each class, the end token included
    private readonly int _startId;
    private readonly int _padId;

    private LabelWords(IReadOnlyList<string> words, int[][] tokens, T5Config config)
    {
        Words = words;
        _tokens = tokens;
        _startId = config.DecoderStartId;
        _padId = config.PadId;
        MaxLength = tokens.Max(word => word.Length);
    }

    /// <summary>The words, [C].</summary>
    public IReadOnlyList<string> Words { get; }

    /// <summary>Tokens T of the longest word, the end token included.</summary>
    public int MaxLength { get; }

    /// <summary>The tokens of each class's word, the end token included, [C].</summary>
    public IReadOnlyList<IReadOnlyList<int>> LabelRows => _tokens;

    /// <summary>Groups of words that begin with the same token; a first token then says less than the class.</summary>
    public IReadOnlyList<string[]> SharedFirstTokens => [.. Enumerable.Range(0, Words.Count).GroupBy(index => _tokens[index][0], index => Words[index])
        .Select(group => group.ToArray()).Where(group => group.Length > 1)];

    /// <summary>Tokenizes words.</summary>
    /// <param name="words">One word, or a few, for each class.</param>
    /// <param name="tokenizer">The model's own tokenizer, without a prompt.</param>
    /// <param name="config">The model's special tokens.</param>
    /// <returns>The words.</returns>
    /// <exception cref="ArgumentException">A word has no tokens or too many, or two words have the same; the message names them.</exception>
    public static LabelWords Encode(IReadOnlyList<string> words, ITextTokenizer tokenizer, T5Config config)
    {
        var tokens = words.Select(word => Encode(word, tokenizer, config)).ToArray();
        var same = Enumerable.Range(0, words.Count).GroupBy(index => string.Join(' ', tokens[index])).FirstOrDefault(group => group.Count() > 1);
        if (same is not null)
        {
            throw new ArgumentException(
                $"The label words {string.Join(" and ", same.Select(index => $"'{words[index]}'"))} have the same tokens ({same.Key}), so the model "
                + "cannot tell these classes apart. Use words that differ in more than spaces and in characters that the tokenizer knows.", nameof(words));
        }

        return new LabelWords(words, tokens, config);
    }

    /// <summary>The tokens that the model is to answer, for each class.</summary>
    /// <param name="device">Where the result goes.</param>
    /// <returns>[C, T], int64, with −100 behind shorter words; in the caller's dispose scope.</returns>
    public Tensor Labels(Device device) => Table(device, (word, t) => t < word.Length ? word[t] : SoftmaxCrossEntropy.IgnoredLabel);

    /// <summary>What the decoder reads to answer them: the start token, and each token but the last.</summary>
    /// <param name="device">Where the result goes.</param>
    /// <returns>[C, T], int64; in the caller's dispose scope.</returns>
    public Tensor DecoderIds(Device device) =>
        Table(device, (word, t) => t == 0 ? _startId : t - 1 < word.Length ? word[t - 1] : _padId);

    private static int[] Encode(string word, ITextTokenizer tokenizer, T5Config config)
    {
        var encoded = tokenizer.Encode(word, null, MaxTokens);
        if (encoded.Truncated)
        {
            throw new ArgumentException($"The label word '{word}' has more than {MaxTokens} tokens. Use a shorter word for this class.", nameof(word));
        }

        var content = encoded.Ids is [.. var all, var last] && last == config.EndId ? all : encoded.Ids;
        return content.Length > 0 ? [.. content, config.EndId] : throw new ArgumentException(
            $"The label word '{word}' has no tokens, so the model cannot answer it. Use a word with letters or digits for this class.", nameof(word));
    }

    private Tensor Table(Device device, Func<int[], int, long> value)
    {
        var values = _tokens.SelectMany(word => Enumerable.Range(0, MaxLength).Select(t => value(word, t))).ToArray();
        return tensor(values, [_tokens.Length, MaxLength], device: device); // [C, T]
    }
}
