using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A text or pair that is read as one sequence, without its end where it is too long.</summary>
/// <param name="tokens">The sequence.</param>
/// <param name="isUndecoded">Whether a text has U+FFFD.</param>
internal sealed class WholeText(TokenSequence tokens, bool isUndecoded) : TextExample
{
    /// <inheritdoc/>
    public override IReadOnlyList<TokenSequence> Windows { get; } = [tokens];

    /// <inheritdoc/>
    public override bool IsTruncated => Windows[0].Truncated;

    /// <inheritdoc/>
    public override bool IsUndecoded { get; } = isUndecoded;

    /// <summary>Prepares reading rows.</summary>
    /// <param name="row">The row or cursor, with the text columns active.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="encoding">How texts become tokens.</param>
    /// <returns>Reads the current row.</returns>
    public static Func<WholeText> Reader(DataViewRow row, TextColumns columns, TextEncoding encoding)
    {
        var texts = new TextGetters(row, columns);
        return () =>
        {
            var (text, pair) = texts.Read();
            return new WholeText(encoding.Tokenizer.Encode(text, pair, encoding.MaxTokens), HasReplacement(text) || HasReplacement(pair));
        };
    }

    /// <inheritdoc/>
    public override IEnumerable<RowLabel?> Labels(RowLabel label) => [label];

    /// <inheritdoc/>
    public override RowScores Combine(ReadOnlySpan<float[]> windows) => new PlainScores(windows[0]);
}
