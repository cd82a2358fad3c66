using System.ComponentModel.DataAnnotations;

namespace Microsoft.ML.NaturalGradient;

/// <summary>
/// How the output of frozen layers is kept. The layers below the lowest one with a trained weight give the same numbers for a row in every epoch: all of the encoder with <see cref="Adapters.HeadOnly"/>,
/// its lower layers with <see cref="LoraOptions.Layers"/>. They are computed once, before the first step.
/// </summary>
public sealed record FrozenLayerCache
{
    /// <summary>
    /// Most bytes of memory, 0 or more; what is beyond goes to a temporary file. The default is 1 GiB. A row takes 4 · D bytes, 1.5 kB for vectors of D = 384, where only the head is trained, and as
    /// much for each of its tokens where some layers are.
    /// </summary>
    [Range(0d, long.MaxValue, ErrorMessage = "Use 0 to keep everything in a temporary file, or a positive number of bytes.")]
    public long MemoryLimit { get; init; } = SpillingStore.DefaultMemoryLimit;

    /// <summary>Whether numbers are kept with 16 bits, rounded to 11 binary digits: half the memory. The default is false, which keeps them as they are.</summary>
    public bool HalfPrecision { get; init; }

    internal void Validate() => SettingCheck.Require(
        MemoryLimit >= 0, nameof(MemoryLimit), MemoryLimit, "Use 0 to keep everything in a temporary file, or a positive number of bytes.");
}
