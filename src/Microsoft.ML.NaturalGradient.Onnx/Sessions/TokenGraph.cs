using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.OnnxRuntime;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>A graph that reads token sequences.</summary>
internal sealed class TokenGraph : ITokenNetwork
{
    private const string Ids = "input_ids";
    private const string Mask = "attention_mask";
    private const string TypeIds = "token_type_ids";

    private readonly GraphSession _session;
    private readonly int _padId;

    /// <summary>Takes a graph.</summary>
    /// <param name="session">The graph; owned by the caller.</param>
    /// <param name="source">Where it comes from.</param>
    /// <param name="tokenizer">Makes the tokens.</param>
    /// <exception cref="InvalidDataException">The graph reads something else, or the tokenizer belongs to another; the message says what.</exception>
    public TokenGraph(GraphSession session, GraphSource source, ITextTokenizer tokenizer)
    {
        session.CheckInputs(typeof(long), [Ids, Mask], [TypeIds]);
        if (tokenizer.VocabularySize > source.Facts.VocabularySize)
        {
            throw session.Wrong(FormattableString.Invariant(
                $"has vectors for {source.Facts.VocabularySize} tokens, but the tokenizer beside it has {tokenizer.VocabularySize}: it belongs to another model"));
        }

        (_session, _padId) = (session, tokenizer.PadId);
    }

    /// <inheritdoc/>
    public void ThrowIfDisposed() => _session.ThrowIfDisposed();

    /// <inheritdoc/>
    public float[][] Predict(TokenSequence[] rows)
    {
        var batch = new PaddedTokens(rows, _padId);
        long[] shape = [batch.Rows, batch.Width];
        using var ids = OrtValue.CreateTensorValueFromMemory(batch.Ids, shape);
        using var mask = OrtValue.CreateTensorValueFromMemory(batch.Mask, shape);
        using var typeIds = OrtValue.CreateTensorValueFromMemory(batch.TypeIds, shape);
        return _session.Run(batch.Rows, new Dictionary<string, OrtValue> { [Ids] = ids, [Mask] = mask, [TypeIds] = typeIds });
    }
}
