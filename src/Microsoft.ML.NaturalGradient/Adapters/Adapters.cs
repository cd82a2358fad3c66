using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

/// <summary>What can be trained of a pretrained model, each with its default settings.</summary>
public static class Adapters
{
    /// <summary>Low-rank additions to the query and value projections: few parameters, quick, the default.</summary>
    public static LoraOptions LoRA { get; } = new();
}
