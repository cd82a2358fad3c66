namespace Microsoft.ML.NaturalGradient;

/// <summary>Measures during training how good update directions are on the batch at hand: γ against the exact Fisher matrix.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, section 6 and algorithm 4. Before every <see cref="Every"/>-th step the batch is evaluated once more with dropout
/// off. With few classes that takes a backward pass for each class and little more for a direction; with many each direction costs what the
/// method's own step costs and two forward passes. Training goes on as if nothing had been measured.
/// Results come with <see cref="TrainingProgress.Quality"/>. <see cref="BatchesPerEpoch"/> measures at fixed weights instead, as the paper does;
/// results come with <see cref="TrainingProgress.EpochQuality"/>.
/// </remarks>
public sealed record QualityProbe
{
    /// <summary>Steps between two measurements; the first is before the first step.</summary>
    /// <value>At least 1, or null for none during an epoch. The default is 50.</value>
    public int? Every { get; init; } = 50;

    /// <summary>Training batches, drawn anew, on which the weights at the end of each epoch are measured.</summary>
    /// <value>Zero or greater; not more than there are batches are used. The default is 0.</value>
    public int BatchesPerEpoch { get; init; }

    /// <summary>The methods whose direction is measured, each with its own damping; the plain gradient is measured always.</summary>
    /// <value>Methods that have a direction of a single batch. The default is EF, iEF and SF.</value>
    public IReadOnlyList<OptimizerOptions> Directions { get; init; } = [Optimizers.Ef, Optimizers.Ief, Optimizers.Sf];

    /// <summary>Further dampings at which those of <see cref="Directions"/> that are EF, iEF, SF, NG or NG-CG are measured.</summary>
    /// <value>Zero or greater, greater for SF. The default is none.</value>
    public IReadOnlyList<double> DampingSweep { get; init; } = [];

    /// <summary>All methods to measure, the sweep included.</summary>
    internal IReadOnlyList<OptimizerOptions> AllDirections =>
        [.. Directions, .. Directions.OfType<NaturalGradientOptions>().SelectMany(method => DampingSweep.Select(damping => method with { Damping = damping }))];

    internal void Validate()
    {
        SettingCheck.Require(Every is null or >= 1, nameof(Every), Every, "Use at least 1 step, or null for none.", "QualityProbe.");
        SettingCheck.Require(BatchesPerEpoch >= 0, nameof(BatchesPerEpoch), BatchesPerEpoch, "Use 0 for none, or for example 20 batches.", "QualityProbe.");
        ArgumentNullException.ThrowIfNull(Directions);
        ArgumentNullException.ThrowIfNull(DampingSweep);
        foreach (var method in AllDirections)
        {
            ArgumentNullException.ThrowIfNull(method, nameof(Directions));
            method.Validate();
        }
    }
}
