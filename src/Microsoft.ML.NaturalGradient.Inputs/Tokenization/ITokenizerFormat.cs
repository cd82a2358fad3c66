using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One way in which a checkpoint stores its tokenizer.</summary>
internal interface ITokenizerFormat
{
    /// <summary>The files and who uses them, in words for error messages.</summary>
    string Description { get; }

    /// <summary>Whether the checkpoint's tokenizer is stored this way.</summary>
    bool IsIn(CheckpointFiles files);

    /// <summary>Reads the tokenizer.</summary>
    /// <param name="files">The checkpoint; not kept.</param>
    /// <param name="configuration">Its settings.</param>
    /// <exception cref="InvalidDataException">A file is damaged or asks for something that is not supported.</exception>
    ITextTokenizer Read(CheckpointFiles files, TokenizerConfiguration configuration);
}
