using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network that reads texts, with its tokenizer. Several threads may use it at once.</summary>
/// <param name="model">The network; owned by this object from now on.</param>
/// <param name="task">What is predicted.</param>
/// <param name="tokenizer">The tokenizer for rows.</param>
/// <param name="maxTokens">Most tokens of a row.</param>
internal sealed class TextScorer(TrainedNetwork model, TextTask task, ITextTokenizer tokenizer, int maxTokens) : NetworkScorer(model)
{
    /// <summary>Rows of a forward pass when many rows are scored.</summary>
    public const int BatchSize = 32;

    /// <summary>Most tokens of a row unless told otherwise.</summary>
    public const int DefaultMaxTokens = 256;

    /// <summary>Most tokens of a row.</summary>
    public int MaxTokens => Encoding.MaxTokens;

    /// <summary>How texts become tokens.</summary>
    public TextEncoding Encoding { get; } = new(tokenizer, maxTokens);

    /// <summary>What is predicted.</summary>
    public TextTask Task { get; } = task;

    /// <inheritdoc/>
    public override ExportDetails Export => new()
    {
        MaxTokens = MaxTokens,
        PadId = tokenizer.PadId,
        TextToText = new TextToTextSettings(tokenizer.Prompt, Network.ClassWords),
    };

    private TextNetwork Network => (TextNetwork)Model.Network;

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

        return Score([.. texts.Select((text, row) => tokenizer.Encode(text, pairs?[row], MaxTokens))]);
    }

    /// <summary>Computes the predictions of rows.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>The predictions of each, in order.</returns>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
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
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public float[][] Score(IReadOnlyList<TokenSequence> rows)
    {
        Model.ThrowIfDisposed();
        var scores = new float[rows.Count][];
        var byLength = Enumerable.Range(0, rows.Count).OrderBy(row => rows[row].Ids.Length);
        foreach (var batch in byLength.Chunk(BatchSize))
        {
            var values = Forward(Array.ConvertAll(batch, row => rows[row]));
            for (var i = 0; i < batch.Length; i++)
            {
                scores[batch[i]] = values[i];
            }
        }

        return scores;
    }

    private float[][] Forward(TokenSequence[] rows)
    {
        using var use = Model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var batch = TokenBatchSource.Collate(rows, tokenizer.PadId, Model.Device);
        return Model.Target.ToArrays(Model.FiniteOutputs(() => Network.Outputs(batch)));
    }
}
