using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained text model, read from its files: the encoder with its weights, the tokenizer, and what is needed to save both again.</summary>
internal sealed class TextCheckpoint
{
    private TextCheckpoint(
        TextEncoder encoder,
        ITextTokenizer tokenizer,
        IReadOnlyDictionary<string, byte[]> files,
        IReadOnlyDictionary<string, ScalarType> storedTypes,
        byte[]? headWeights)
    {
        Encoder = encoder;
        Tokenizer = tokenizer;
        Files = files;
        StoredTypes = storedTypes;
        HeadWeights = headWeights;
    }

    /// <summary>The encoder; owned by whoever takes it.</summary>
    public TextEncoder Encoder { get; }

    /// <summary>The tokenizer.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>Most tokens of a sequence: what the encoder can read, or fewer where the tokenizer's files say so.</summary>
    public int MaxTokens => Math.Min(Encoder.MaxTokens, Tokenizer.MaxTokens ?? int.MaxValue);

    /// <summary>Contents of the configuration and tokenizer files, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; }

    /// <summary>Element type in the file, by the encoder's parameter names, which begin with its prefix.</summary>
    public IReadOnlyDictionary<string, ScalarType> StoredTypes { get; }

    /// <summary>The checkpoint's own classification head, as a safetensors file; <see langword="null"/> if it has none.</summary>
    public byte[]? HeadWeights { get; }

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="optional">Which weights, by names that begin with the encoder's prefix, may be absent and stay zero; null for none.</param>
    /// <returns>The model on the CPU, in float32.</returns>
    /// <exception cref="InvalidDataException">Files are damaged or do not belong together; the message says which and why.</exception>
    /// <exception cref="NotSupportedException">The architecture or tokenizer is not supported.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    public static TextCheckpoint Load(CheckpointFiles files, Func<string, bool>? optional = null)
    {
        var config = ModelConfig.Read(files);
        var tokenizer = TokenizerFactory.Create(files);
        using var weights = files.OpenWeights();
        var encoder = TextEncoderFactory.Create(config);
        try
        {
            CheckVocabulary(files, tokenizer, encoder);
            var storedTypes = EncoderWeights.Load(encoder, weights, optional);
            return new TextCheckpoint(encoder, tokenizer, ReadSmallFiles(files), storedTypes, EncoderWeights.ReadHead(encoder, weights));
        }
        catch
        {
            encoder.Dispose();
            throw;
        }
    }

    private static void CheckVocabulary(CheckpointFiles files, ITextTokenizer tokenizer, TextEncoder encoder)
    {
        if (tokenizer.VocabularySize > encoder.VocabularySize)
        {
            throw new InvalidDataException(
                $"The tokenizer of {files.Description} has {tokenizer.VocabularySize} tokens, but the configuration gives the encoder "
                + $"{encoder.VocabularySize}. Check that vocabulary and {CheckpointFiles.ConfigName} belong to the same model.");
        }
    }

    private static Dictionary<string, byte[]> ReadSmallFiles(CheckpointFiles files) => CheckpointFiles.SmallNames.Where(files.Exists).ToDictionary(
        name => name,
        name =>
        {
            using var stream = files.Open(name);
            using var content = new MemoryStream();
            stream.CopyTo(content);
            return content.ToArray();
        });
}
