using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network with all that scoring and saving need. Several threads may use it at once.</summary>
internal sealed class TextScorer : IDisposable
{
    /// <summary>Rows of a forward pass when many rows are scored.</summary>
    public const int BatchSize = 32;

    /// <summary>Most tokens of a row unless told otherwise.</summary>
    public const int DefaultMaxTokens = 256;

    private readonly ITextTokenizer _tokenizer;
    private readonly Device _device;
    private bool _disposed;

    /// <summary>Takes over a network.</summary>
    /// <param name="network">The network; owned by this object from now on.</param>
    /// <param name="tokenizer">The tokenizer for rows.</param>
    /// <param name="maxTokens">Most tokens of a row.</param>
    /// <param name="task">What is predicted.</param>
    /// <param name="adapter">What was trained.</param>
    /// <param name="source">The pretrained model it started from.</param>
    /// <param name="device">Where the network is.</param>
    public TextScorer(
        TextNetwork network, ITextTokenizer tokenizer, int maxTokens, TextTask task, AdapterOptions adapter, ModelBase source, Device device)
    {
        Network = network;
        _tokenizer = tokenizer;
        MaxTokens = maxTokens;
        Task = task;
        Adapter = adapter;
        Base = source;
        _device = device;
        network.SetTraining(false);
    }

    /// <summary>Whether LoRA additions are merged into the weights of their layers.</summary>
    public bool IsMerged => Network.Base.modules().OfType<LinearLayer>().Any(layer => layer.IsMerged);

    /// <summary>The network.</summary>
    public TextNetwork Network { get; }

    /// <summary>Most tokens of a row.</summary>
    public int MaxTokens { get; }

    /// <summary>What is predicted.</summary>
    public TextTask Task { get; }

    /// <summary>What was trained.</summary>
    public AdapterOptions Adapter { get; }

    /// <summary>The pretrained model it started from.</summary>
    public ModelBase Base { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        Network.Dispose();
    }

    /// <summary>Does something with each linear layer of the pretrained network.</summary>
    /// <param name="action">What to do.</param>
    /// <exception cref="ObjectDisposedException">The scorer is disposed.</exception>
    public void ForEachLayer(Action<LinearLayer> action)
    {
        ThrowIfDisposed();
        foreach (var layer in Network.Base.modules().OfType<LinearLayer>())
        {
            action(layer);
        }
    }

    /// <summary>Throws if the scorer is disposed.</summary>
    public void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    /// <summary>Turns a text or a pair into tokens.</summary>
    public TokenSequence Encode(string text, string? pair) => _tokenizer.Encode(text, pair, MaxTokens);

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

        return Score([.. texts.Select((text, row) => Encode(text, pairs?[row]))]);
    }

    /// <summary>Computes the predictions of encoded rows, in batches of similar length.</summary>
    /// <param name="rows">N encoded rows.</param>
    /// <returns>N arrays of K predictions.</returns>
    /// <exception cref="ObjectDisposedException">The scorer is disposed.</exception>
    public float[][] Score(IReadOnlyList<TokenSequence> rows)
    {
        ThrowIfDisposed();
        var scores = new float[rows.Count][];
        var byLength = Enumerable.Range(0, rows.Count).OrderBy(row => rows[row].Ids.Length);
        foreach (var batch in byLength.Chunk(BatchSize))
        {
            var values = Forward(Array.ConvertAll(batch, row => rows[row]));
            for (var i = 0; i < batch.Length; i++)
            {
                scores[batch[i]] = values.AsSpan(i * Task.OutputCount, Task.OutputCount).ToArray();
            }
        }

        return scores;
    }

    private float[] Forward(TokenSequence[] rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var batch = TokenBatchSource.Collate(rows, _tokenizer.PadId, _device);
        var outputs = Network.Outputs(batch).to(ScalarType.Float64); // [N, K]
        return [.. Task.Predictions(outputs).to(ScalarType.Float32).cpu().data<float>()];
    }
}
