using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained text model, read from its files: the network with its weights, the tokenizer, and what is needed to save both again.</summary>
internal sealed class TextCheckpoint
{
    private TextCheckpoint(
        PretrainedNetwork network,
        ITextTokenizer tokenizer,
        IReadOnlyDictionary<string, byte[]> files,
        IReadOnlyDictionary<string, ScalarType> storedTypes,
        byte[]? headWeights)
    {
        Network = network;
        Tokenizer = tokenizer;
        Files = files;
        StoredTypes = storedTypes;
        HeadWeights = headWeights;
    }

    /// <summary>The network; owned by whoever takes it.</summary>
    public PretrainedNetwork Network { get; }

    /// <summary>The network of a checkpoint that is an encoder.</summary>
    public TextEncoder Encoder => (TextEncoder)Network;

    /// <summary>The network of a checkpoint that answers with texts.</summary>
    public T5Network TextToText => (T5Network)Network;

    /// <summary>Whether it answers with texts.</summary>
    public bool AnswersWithText => Network.Architecture.Kind == ArchitectureKind.TextToText;

    /// <summary>The tokenizer.</summary>
    public ITextTokenizer Tokenizer { get; }

    /// <summary>Most tokens of a sequence: what the network can read, or fewer where the tokenizer's files say so.</summary>
    public int MaxTokens => Math.Min(Network.MaxTokens, Tokenizer.MaxTokens ?? int.MaxValue);

    /// <summary>Contents of the configuration and tokenizer files, by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Files { get; }

    /// <summary>Element type in the file, by the network's parameter names, which begin with its prefix.</summary>
    public IReadOnlyDictionary<string, ScalarType> StoredTypes { get; }

    /// <summary>The checkpoint's own classification head, as a safetensors file; <see langword="null"/> if it has none.</summary>
    public byte[]? HeadWeights { get; }

    /// <summary>Reads a checkpoint.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="elsewhere">Shapes of the weights that another file holds, by names that begin with the network's prefix; they may be absent and stay zero. Null for none.</param>
    /// <param name="headOf">The head to look for; null for that of classifiers of whole texts.</param>
    /// <returns>The model on the CPU, in float32.</returns>
    /// <exception cref="InvalidDataException">Files are damaged or do not belong together; the message says which and why.</exception>
    /// <exception cref="NotSupportedException">The architecture or tokenizer is not supported.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    public static TextCheckpoint Load(
        CheckpointFiles files, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null, Func<PretrainedNetwork, HeadLayout?>? headOf = null)
    {
        var config = ModelConfig.Read(files);
        config.CheckKind();
        var architecture = Architectures.ForTexts(config);
        var tokenizer = TokenizerFactory.Create(files, architecture.PreprocessorClass);
        using var weights = files.OpenWeights();
        var loaded = architecture.Load(config, weights, elsewhere);
        try
        {
            CheckVocabulary(files, tokenizer, loaded.Network);
            var headWeights = (headOf is null ? loaded.Network.Head : headOf(loaded.Network)) is { } head ? EncoderWeights.ReadHead(head, weights) : null;
            return new TextCheckpoint(loaded.Network, tokenizer, files.ReadSmallFiles(), loaded.StoredTypes, headWeights);
        }
        catch
        {
            loaded.Network.Dispose();
            throw;
        }
    }

    private static void CheckVocabulary(CheckpointFiles files, ITextTokenizer tokenizer, PretrainedNetwork network)
    {
        if (tokenizer.VocabularySize > network.VocabularySize)
        {
            throw new InvalidDataException(
                $"The tokenizer of {files.Description} has {tokenizer.VocabularySize} tokens, but the configuration gives the network "
                + $"{network.VocabularySize}. Check that vocabulary and {CheckpointFiles.ConfigName} belong to the same model.");
        }
    }
}
