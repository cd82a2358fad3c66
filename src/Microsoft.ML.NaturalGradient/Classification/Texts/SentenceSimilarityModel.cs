using Microsoft.ML.NaturalGradient.Classification;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that predicts a number for a pair of texts. Several threads may use it at once.</summary>
public sealed class SentenceSimilarityModel : IDisposable
{
    internal SentenceSimilarityModel(TextScorer scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Whether LoRA additions are merged into the weights of their layers; see <see cref="MergeAdapter"/>.</summary>
    public bool IsMerged => Scorer.Model.IsMerged;

    internal TextScorer Scorer { get; }

    /// <summary>Predicts the similarity of pairs of texts.</summary>
    /// <param name="first">N texts.</param>
    /// <param name="second">The N texts that they are compared with.</param>
    /// <returns>N numbers, in the unit of the training labels.</returns>
    /// <exception cref="ArgumentException">There are not as many second texts as first ones.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<float> PredictSimilarities(IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        ArgumentNullException.ThrowIfNull(second);
        return [.. Scorer.Score(first, second).Select(row => row[0])];
    }

    /// <summary>Merges LoRA additions into the weights, as <see cref="TextClassificationModel.MergeAdapter"/> does.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void MergeAdapter() => Scorer.Model.Merge();

    /// <summary>Takes back <see cref="MergeAdapter"/>; the weights are again the same to the last bit.</summary>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void UnmergeAdapter() => Scorer.Model.Unmerge();

    /// <summary>Writes the adapter and the head as Python's PEFT does; see <see cref="TextClassificationModel.SavePeft"/>.</summary>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="baseModel">Name or path by which Python finds the base model; null for what is known of it.</param>
    /// <exception cref="NotSupportedException">PEFT has no such adapter.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePeft(string folder, string? baseModel = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePeft(Scorer.Model, Scorer.Export, folder, baseModel);
    }

    /// <summary>Writes a full model as transformers does, with one output; see <see cref="TextClassificationModel.SavePretrained"/>.</summary>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <exception cref="NotSupportedException">The adapter is a prompt, which cannot be merged.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public void SavePretrained(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ModelExport.SavePretrained(Scorer.Model, Scorer.Export, folder);
    }

    /// <summary>Frees the weights. Calls of other threads end first; later ones throw <see cref="ObjectDisposedException"/>. Does not wait for them.</summary>
    public void Dispose() => Scorer.Dispose();
}
