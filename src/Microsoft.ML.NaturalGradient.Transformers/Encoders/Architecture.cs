using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>One architecture: what it is called, here and in Python, and how its network is made. The file of the network has it.</summary>
internal sealed record Architecture
{
    /// <summary>What <c>config.json</c> calls it, for example <c>bert</c>.</summary>
    public required string ModelType { get; init; }

    /// <summary>What transformers' classes begin with, for example <c>Bert</c>.</summary>
    public required string ClassName { get; init; }

    /// <summary>What the network's names in a checkpoint begin with, without the dot, for example <c>bert</c>; empty for nothing.</summary>
    public required string Prefix { get; init; }

    /// <summary>What it reads and answers.</summary>
    public ArchitectureKind Kind { get; init; }

    /// <summary>Linear layers that LoRA adapts unless told otherwise: PEFT's choice, where it has one.</summary>
    public required IReadOnlyList<string> DefaultTargets { get; init; }

    /// <summary>The classification head of its checkpoints, but for what their configurations say; not read for text-to-text.</summary>
    public HeadLayout Head { get; init; } = HeadLayout.Linear;

    /// <summary>The tokenizer or image processor where no file names it, as transformers calls the class; null for none.</summary>
    public string? PreprocessorClass { get; init; }

    /// <summary>Whether transformers' classes take token types.</summary>
    public bool TakesTypeIds { get; init; } = true;

    /// <summary>Whether transformers' bare encoder makes a layer for the first token that no mean reads, unless told not to.</summary>
    public bool HasPooler { get; init; }

    /// <summary>Whether transformers' classes read pictures of any size unasked; others have to be told to resize their positions.</summary>
    public bool TakesAnySize { get; init; }

    /// <summary>Creates the network with empty weights; owned by the caller.</summary>
    /// <remarks>Throws <see cref="InvalidDataException"/> and <see cref="NotSupportedException"/> for configurations that make no sense or are not supported.</remarks>
    public required Func<ModelConfig, PretrainedNetwork> Create { get; init; }

    /// <summary>Reads the network from a file that does not call its weights as the network does; null where all do.</summary>
    public Func<ModelConfig, ISafetensors, IReadOnlyDictionary<string, IReadOnlyList<long>>?, LoadedNetwork>? CreateFrom { get; init; }

    /// <summary>What PEFT calls the task that an adapter is for; null where it has no name for it.</summary>
    public string? PeftTask => Kind switch
    {
        ArchitectureKind.TextEncoder => PeftNames.ClassificationTask,
        ArchitectureKind.TextToText => PeftNames.TextToTextTask,
        _ => null,
    };

    /// <summary>Creates the network with the weights of a checkpoint.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="weights">The weights; owned by the caller.</param>
    /// <param name="elsewhere">Shapes of the weights that another file holds, which may be absent and stay as created; null for none.</param>
    /// <returns>The network on the CPU, in float32, owned by the caller.</returns>
    /// <exception cref="InvalidDataException">The weights do not fit the configuration; the message says how.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public LoadedNetwork Load(ModelConfig config, ISafetensors weights, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null)
    {
        if (CreateFrom is not null)
        {
            return CreateFrom(config, weights, elsewhere);
        }

        var network = EncoderWeights.Create(() => Create(config), weights, elsewhere);
        try
        {
            return new LoadedNetwork(network, EncoderWeights.Load(network, weights, elsewhere));
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }
}
