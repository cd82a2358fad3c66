using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Makes predictions of texts in batches of similar length. Several threads may use it at once.</summary>
/// <param name="network">The network; owned by the caller.</param>
/// <param name="encoding">How texts become tokens.</param>
internal sealed class TextPredictor(ITokenNetwork network, TextEncoding encoding)
{
    /// <summary>Rows of a forward pass when many rows are scored.</summary>
    public const int BatchSize = 32;

    /// <summary>How texts become tokens.</summary>
    public TextEncoding Encoding => encoding;

    /// <summary>Computes the predictions of texts or pairs.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>N arrays of K predictions.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    public float[][] Score(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (pairs is not null && pairs.Count != texts.Count)
        {
            throw new ArgumentException($"There are {texts.Count} texts, but {pairs.Count} second texts. Give one for each text.", nameof(pairs));
        }

        return Score([.. texts.Select((text, row) => encoding.Tokenizer.Encode(text, pairs?[row], encoding.MaxTokens))]);
    }

    /// <summary>Computes the predictions of rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>The predictions of each, in order.</returns>
    /// <exception cref="ObjectDisposedException">The network is disposed.</exception>
    public IReadOnlyList<RowScores> Score(IReadOnlyList<TextExample> rows)
    {
        var windows = Score([.. rows.SelectMany(row => row.Windows)]);
        var scores = new RowScores[rows.Count];
        for (var (row, start) = (0, 0); row < rows.Count; start += rows[row].Windows.Count, row++)
        {
            scores[row] = rows[row].Combine(windows.AsSpan(start, rows[row].Windows.Count));
        }

        return scores;
    }

    /// <summary>Computes the predictions of encoded rows, in batches of similar length.</summary>
    /// <param name="rows">N encoded rows.</param>
    /// <returns>N arrays of K predictions.</returns>
    /// <exception cref="ObjectDisposedException">The network is disposed.</exception>
    public float[][] Score(IReadOnlyList<TokenSequence> rows)
    {
        network.ThrowIfDisposed();
        var scores = new float[rows.Count][];
        var byLength = Enumerable.Range(0, rows.Count).OrderBy(row => rows[row].Ids.Length);
        foreach (var batch in byLength.Chunk(BatchSize))
        {
            var values = network.Predict(Array.ConvertAll(batch, row => rows[row]));
            for (var i = 0; i < batch.Length; i++)
            {
                scores[batch[i]] = values[i];
            }
        }

        return scores;
    }
}
