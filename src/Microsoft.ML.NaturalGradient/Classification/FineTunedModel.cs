using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>What all fine-tuned models can do, whatever they read and predict. Several threads may use one at once.</summary>
public abstract class FineTunedModel : IDisposable
{
    private readonly NetworkScorer _scorer;

    private protected FineTunedModel(NetworkScorer scorer)
    {
        _scorer = scorer;
        scorer.Model.OwnerName = GetType().Name;
    }

    /// <summary>Whether LoRA additions are merged into the weights of their layers; see <see cref="MergeAdapter"/>.</summary>
    public bool IsMerged => _scorer.Model.IsMerged;

    /// <summary>Merges LoRA additions into the weights of their layers, which makes scoring faster; other models stay as they are.</summary>
    /// <remarks>
    /// Predictions change by rounding only. Costs a copy of the changed weights in memory. What is saved stays the same. Waits until
    /// calls of other threads end.
    /// </remarks>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void MergeAdapter() => _scorer.Model.Merge();

    /// <summary>Takes back <see cref="MergeAdapter"/>; the weights are again the same to the last bit.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void UnmergeAdapter() => _scorer.Model.Unmerge();

    /// <summary>Writes the adapter and the head as Python's PEFT does: adapter_config.json and adapter_model.safetensors, with the tokenizer beside them.</summary>
    /// <remarks>
    /// PEFT reads the folder with <c>PeftModel.from_pretrained(AutoModelForSequenceClassification.from_pretrained(baseModel, num_labels=...), folder)</c>, or for
    /// pictures with <c>AutoModelForImageClassification</c>; the README.md in the folder has these lines for this model, and the names of the classes. The head is that
    /// of the architecture's own classifier. Where the base model is no classifier of texts, as MiniLM, the head
    /// reads the mean of the token vectors, which transformers' classifiers do not and refuse; the README.md then has the class that does.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="baseModel">
    /// Name or path by which Python finds the base model. Null takes the name that a loaded adapter had, else the folder or hub name of the pretrained model.
    /// Of a base that was cut (<see cref="PretrainedModel.Layers"/>) the README.md alone has it, with the number of layers, since programs take all layers of what adapter_config.json names.
    /// </param>
    /// <exception cref="InvalidOperationException">Two classes have the same name as text.</exception>
    /// <exception cref="NotSupportedException">PEFT has no such adapter: the model was trained as a whole, or only its biases or its head. Or Python has no such tokenizer: the model is one of <see cref="PretrainedModel.FromMLNet"/>.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePeft(string folder, string? baseModel = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePeft(_scorer.Model, _scorer.Export, folder, baseModel);
    }

    /// <summary>
    /// Writes a full model with the adapter merged into it, as transformers' save_pretrained does: configuration, weights, and tokenizer or image processor.
    /// </summary>
    /// <remarks>
    /// Read back with <see cref="PretrainedModel.FromFolder"/>, to train on, or to score through <see cref="ML.Checkpoints.LoadTextClassifier"/> or
    /// <see cref="ML.Checkpoints.LoadImageClassifier"/>; in Python with <c>AutoModelForSequenceClassification.from_pretrained(folder)</c> or
    /// <c>AutoModelForImageClassification</c>. For heads that read the mean of the token vectors see <see cref="SavePeft"/>. The size of pictures that it was
    /// trained on is in its preprocessor_config.json.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <exception cref="IOException">The folder has an adapter, which Python would load in place of the model; or it cannot be written.</exception>
    /// <exception cref="InvalidOperationException">Two classes have the same name as text.</exception>
    /// <exception cref="NotSupportedException">The adapter is a prompt, which cannot be merged. Or Python has no such tokenizer: the model is one of <see cref="PretrainedModel.FromMLNet"/>.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePretrained(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePretrained(_scorer.Model, _scorer.Export, folder);
    }

    /// <summary>Writes the model as an ONNX graph, which ONNX Runtime and others compute in any language, without libtorch.</summary>
    /// <remarks>
    /// The folder has <c>model.onnx</c> with the adapter merged into it, the configuration, the tokenizer or the settings for pictures, and a README.md with the lines
    /// of Python and C# that give the model's answers. Inputs of texts are <c>input_ids</c>, <c>attention_mask</c> and, where the network reads them,
    /// <c>token_type_ids</c>; of pictures <c>pixel_values</c>. Outputs are <c>logits</c> and, where there are any, <c>probabilities</c>.
    /// Weights of more than 1 GB are in <c>model.onnx_data</c> beside it. This model stays as it is.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="options">Settings; null for those that give the answers of this model.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    /// <exception cref="InvalidOperationException">A weight is not finite, or cannot be held by the numbers that were asked for; or two classes have the same name as text.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SaveOnnx(string folder, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options ??= new OnnxExportOptions();
        options.Validate();
        OnnxExport.Save(_scorer.Model, _scorer.Export, folder, options);
    }

    /// <summary>Writes the trained encoder as an ONNX graph that gives a vector of length one for each text: for search, clustering, and retrieval.</summary>
    /// <remarks>
    /// OnnxEmbeddingGenerator of the package NaturalGradient.MLNet.Onnx loads the folder as an <c>IEmbeddingGenerator</c>; its README.md has the lines of C# and Python. The
    /// output is <c>embeddings</c>, float32 [batch, hidden size]. <see cref="ML.Checkpoints.SaveOnnxEmbeddings"/> writes an encoder that was not trained here.
    /// </remarks>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="pooling">Which vector stands for a text; null for the mean where the model's head reads that, else the first token's.</param>
    /// <param name="options">Settings; null for 32-bit numbers.</param>
    /// <exception cref="NotSupportedException">The model reads pictures, answers with text, or has a prompt.</exception>
    /// <inheritdoc cref="SaveOnnx" path="/exception"/>
    public void SaveOnnxEmbeddings(string folder, EmbeddingPooling? pooling = null, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options ??= new OnnxExportOptions();
        options.Validate();
        OnnxEmbeddings.Save(_scorer.Model, _scorer.Export, folder, pooling, options);
    }

    /// <summary>Writes the model as an ONNX graph with all weights in it.</summary>
    /// <param name="options">Settings, checked.</param>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    internal byte[] WriteGraph(OnnxExportOptions options) => OnnxExport.ToBytes(_scorer.Model, _scorer.Export, options);

    /// <summary>Adds the model to a graph of ML.NET's converter.</summary>
    /// <inheritdoc cref="OnnxConversion.Save"/>
    internal void SaveAsOnnx(OnnxContext context, TargetColumns columns, DataViewSchema schema) => OnnxConversion.Save(context, _scorer.Model, _scorer.Export, columns, schema);

    /// <summary>Frees the weights. Calls of other threads end first; later ones throw <see cref="ObjectDisposedException"/>. Does not wait for them.</summary>
    public void Dispose()
    {
        _scorer.Dispose();
        GC.SuppressFinalize(this);
    }
}
