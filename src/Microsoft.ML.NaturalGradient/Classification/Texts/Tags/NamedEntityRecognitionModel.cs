using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that tags the words of texts. Several threads may use it at once.</summary>
public sealed class NamedEntityRecognitionModel : FineTunedModel
{
    internal NamedEntityRecognitionModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    /// <summary>Names of the tags; the order is that of the network's outputs.</summary>
    public IReadOnlyList<string> Tags => Format.OutputNames;

    internal TextScorer Scorer { get; }

    private TagFormat Format => (TagFormat)Scorer.Task.Scoring.Format;

    /// <summary>Tags the words of texts.</summary>
    /// <param name="texts">N texts; words are what stands between white space.</param>
    /// <returns>For each text the tag of each word; null for words of characters that the tokenizer knows nothing of.</returns>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<IReadOnlyList<string?>> PredictTags(IReadOnlyList<string> texts) =>
        [.. Score(texts).Select(scores => Array.ConvertAll(Format.Largest(scores.Values), output => output < 0 ? null : Format.OutputNames[output]))];

    /// <summary>Finds the names in texts.</summary>
    /// <param name="texts">N texts.</param>
    /// <returns>For each text the names in it, from its beginning to its end.</returns>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<IReadOnlyList<NamedEntity>> FindEntities(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return [.. Score(texts).Zip(texts, (scores, text) => Format.Entities(scores)
            .Select(found => new NamedEntity(text.Substring(found.Start, found.Length), found.Start, found.Type, found.Score)).ToArray())];
    }

    private IEnumerable<TagScores> Score(IReadOnlyList<string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return Scorer.Score([.. texts.Select(text => new TaggedText(TextUnits.Words(text), Scorer.Encoding, Format.OutputCount))]).Cast<TagScores>();
    }
}
