using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>What all layers of disentangled attention read besides the vectors.</summary>
/// <param name="mask">Additive mask, [N, 1, T, T]; null when nothing is hidden.</param>
/// <param name="table">Vectors of the relative positions, [1 or N, 2·S, D]; null without relative positions.</param>
/// <param name="rows">Row of the table for query i and key j, [T, T]; null without relative positions.</param>
internal sealed class DisentangledContext(Tensor? mask, Tensor? table, Tensor? rows)
{
    /// <summary>Additive mask, [N, 1, T, T]; null when nothing is hidden.</summary>
    public Tensor? Mask { get; } = mask;

    /// <summary>Vectors of the relative positions, [1 or N, 2·S, D]; null without relative positions.</summary>
    public Tensor? Table { get; } = table;

    /// <summary>Row of the table for query i and key j, [T, T]; null without relative positions.</summary>
    public Tensor? Rows { get; } = rows;
}
