using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

/// <summary>What can be trained of a pretrained model, each with its default settings.</summary>
public static class Adapters
{
    /// <summary>Low-rank additions to the query and value projections: few parameters, quick, the default.</summary>
    public static LoraOptions LoRA { get; } = new();

    /// <summary>Trained vectors before the words of every text: fewest parameters.</summary>
    public static PromptTuningOptions PromptTuning { get; } = new();

    /// <summary>All biases of the encoder (BitFit).</summary>
    public static BiasOnlyOptions BiasOnly { get; } = new();

    /// <summary>All weights of the encoder: full fine-tuning.</summary>
    public static FullFineTuningOptions Full { get; } = new();

    /// <summary>Nothing but the classification head; the encoder stays as it is.</summary>
    public static HeadOnlyOptions HeadOnly { get; } = new();
}
