using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned text classifier. Several threads may use it at once.</summary>
public sealed class TextClassificationModel : IDisposable
{
    /// <summary>Rows of a forward pass when many rows are scored.</summary>
    internal const int BatchSize = 32;

    /// <summary>Most tokens of a row unless told otherwise.</summary>
    internal const int DefaultMaxTokens = 256;

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

    /// <summary>Whether LoRA additions are merged into the weights of their layers; see <see cref="MergeAdapter"/>.</summary>
    public bool IsMerged => Classifier.Encoder.modules().OfType<LinearLayer>().Any(layer => layer.IsMerged);

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

    /// <summary>Merges LoRA additions into the weights of their layers, which makes scoring faster; other models stay as they are.</summary>
    /// <remarks>
    /// Probabilities change by rounding only. Costs a copy of the changed weights in memory. What is saved stays the same. Not while another
    /// thread scores.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void MergeAdapter() => ForEachLayer(layer => layer.Merge());

    /// <summary>Takes back <see cref="MergeAdapter"/>; the weights are again the same to the last bit. Not while another thread scores.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void UnmergeAdapter() => ForEachLayer(layer => layer.Unmerge());

    /// <summary>Writes the adapter and the head as Python's PEFT does: adapter_config.json and adapter_model.safetensors.</summary>
    /// <remarks>
    /// PEFT reads the folder with <c>PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(baseModel, num_labels=...), folder)</c>. Where the
    /// base model is no classifier, as MiniLM, the head reads the mean of the token vectors, which transformers' classifiers do not; a README.md
    /// in the folder then has the few lines of Python that do.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="baseModel">
    /// Name or path by which Python finds the base model. Null takes the name that a loaded adapter had, else the folder or hub name of the pretrained model.
    /// </param>
    /// <exception cref="NotSupportedException">PEFT has no such adapter: the model was trained as a whole, or only its biases or its head.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePeft(string folder, string? baseModel = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ObjectDisposedException.ThrowIf(_disposed, this);
        ModelExport.SavePeft(this, folder, baseModel);
    }

    /// <summary>Writes a full model with the adapter merged into it, as transformers' save_pretrained does: configuration, weights and tokenizer.</summary>
    /// <remarks>
    /// Read back with <see cref="PretrainedModel.FromFolder"/>, to train on or through <see cref="ML.Checkpoints.LoadTextClassifier"/> to score; in Python with
    /// <c>AutoModelForSequenceClassification.from_pretrained(folder)</c>. For heads that read the mean of the token vectors see <see cref="SavePeft"/>.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <exception cref="NotSupportedException">The adapter is a prompt, which cannot be merged.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePretrained(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ObjectDisposedException.ThrowIf(_disposed, this);
        ModelExport.SavePretrained(this, folder);
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

    private void ForEachLayer(Action<LinearLayer> action)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        foreach (var layer in Classifier.Encoder.modules().OfType<LinearLayer>())
        {
            action(layer);
        }
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
