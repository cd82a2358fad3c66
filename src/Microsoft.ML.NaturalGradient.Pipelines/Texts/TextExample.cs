using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The texts of a row as the network reads them: one sequence, or several windows of a long text.</summary>
internal abstract class TextExample
{
    /// <summary>The sequences, at least one.</summary>
    public abstract IReadOnlyList<TokenSequence> Windows { get; }

    /// <summary>Whether a text lost its end.</summary>
    public abstract bool IsTruncated { get; }

    /// <summary>Whether a text has U+FFFD, which stands for bytes that could not be decoded.</summary>
    public abstract bool IsUndecoded { get; }

    /// <summary>Divides what the row is labelled with among the windows.</summary>
    /// <param name="label">The label of the row.</param>
    /// <returns>A label for each window; null for windows that are not trained on.</returns>
    /// <exception cref="InvalidDataException">The label does not fit the texts; the message says why.</exception>
    public abstract IEnumerable<RowLabel?> Labels(RowLabel label);

    /// <summary>Makes the predictions of the row of those of its windows.</summary>
    /// <param name="windows">What the network gave for each window.</param>
    public abstract RowScores Combine(ReadOnlySpan<float[]> windows);

    /// <summary>Whether a text has U+FFFD.</summary>
    protected static bool HasReplacement(string? text) => text?.Contains('\uFFFD', StringComparison.Ordinal) is true;
}
