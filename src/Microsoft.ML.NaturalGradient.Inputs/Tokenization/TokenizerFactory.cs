using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Makes the tokenizer that belongs to a checkpoint from the checkpoint's own files.</summary>
internal static class TokenizerFactory
{
    // The first format whose files are there is taken, as in Python.
    private static readonly ITokenizerFormat[] Formats =
        [new TokenizerJsonFormat(), new WordPieceFormat(), new BytePairFormat(), new SentencePieceFormat(), new EnglishRobertaFormat()];

    /// <summary>Reads the tokenizer of a checkpoint.</summary>
    /// <param name="files">The checkpoint; not kept.</param>
    /// <param name="usualClass">The <c>tokenizer_class</c> of its architecture, which counts where no file names one; null for none.</param>
    /// <returns>The tokenizer; thread-safe.</returns>
    /// <exception cref="InvalidDataException">There is no tokenizer in a supported format, or its files are damaged.</exception>
    public static ITextTokenizer Create(CheckpointFiles files, string? usualClass = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        var format = Array.Find(Formats, candidate => candidate.IsIn(files));
        return format is null ? throw NothingReadable(files) : format.Read(files, new TokenizerConfiguration(files, usualClass));
    }

    private static InvalidDataException NothingReadable(CheckpointFiles files)
    {
        var supported = string.Join("; ", Formats.Select(format => format.Description));
        return new InvalidDataException(
            $"{files.Description} has no tokenizer in a supported format. Looked for: {supported}. "
            + "Add the missing file, or choose a model that comes with it.");
    }
}
