using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned text classifier. Several threads may use it at once.</summary>
public sealed class TextClassificationModel : IDisposable
{
    /// <summary>Rows of a forward pass when many rows are scored.</summary>
    internal const int BatchSize = 32;

    private readonly ITextTokenizer _tokenizer;
    private readonly Device _device;
    private bool _disposed;

    internal TextClassificationModel(
        TextClassifier classifier, ITextTokenizer tokenizer, int maxTokens, ClassLabels labels, AdapterOptions adapter, ModelBase source, Device device)
    {
        Classifier = classifier;
        _tokenizer = tokenizer;
        MaxTokens = maxTokens;
        Labels = labels;
        Adapter = adapter;
        Base = source;
        _device = device;
        classifier.SetTraining(false);
    }

    /// <summary>Names of the classes; the order is that of the probabilities and of the label's keys.</summary>
    public IReadOnlyList<string> ClassNames => Labels.Names;

    internal TextClassifier Classifier { get; }

    internal int MaxTokens { get; }

    internal ClassLabels Labels { get; }

    internal AdapterOptions Adapter { get; }

    internal ModelBase Base { get; }

    /// <summary>Computes the probability of each class.</summary>
    /// <param name="texts">N texts.</param>
    /// <param name="pairs">The N second texts of pairs; null for single texts.</param>
    /// <returns>N arrays of C probabilities, which sum to 1.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float[]> PredictProbabilities(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs = null)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (pairs is not null && pairs.Count != texts.Count)
        {
            throw new ArgumentException($"There are {texts.Count} texts, but {pairs.Count} second texts. Give one for each text.", nameof(pairs));
        }

        return Score([.. texts.Select((text, row) => Encode(text, pairs?[row]))]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        Classifier.Dispose();
    }

    /// <summary>Turns a text or a pair into tokens.</summary>
    internal TokenSequence Encode(string text, string? pair) => _tokenizer.Encode(text, pair, MaxTokens);

    /// <summary>Computes the probabilities of encoded rows, in batches of similar length.</summary>
    internal float[][] Score(IReadOnlyList<TokenSequence> rows)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var scores = new float[rows.Count][];
        var byLength = Enumerable.Range(0, rows.Count).OrderBy(row => rows[row].Ids.Length);
        foreach (var batch in byLength.Chunk(BatchSize))
        {
            var values = Forward(Array.ConvertAll(batch, row => rows[row]));
            for (var i = 0; i < batch.Length; i++)
            {
                scores[batch[i]] = values.AsSpan(i * Labels.Count, Labels.Count).ToArray();
            }
        }

        return scores;
    }

    private float[] Forward(TokenSequence[] rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var batch = TokenBatchSource.Collate(rows, _tokenizer.PadId, _device);
        var logits = Classifier.Forward(batch).to(ScalarType.Float64); // [N, C]
        var probabilities = nn.functional.softmax(logits, -1).to(ScalarType.Float32).cpu(); // [N, C]
        return [.. probabilities.data<float>()];
    }
}
