namespace Microsoft.ML.NaturalGradient;

/// <summary>Ends a run whose validation results no longer improve, and restores the weights of its best epoch.</summary>
public sealed record EarlyStopping
{
    /// <summary>Fewest validation rows that anything is chosen by: with fewer, chance would choose.</summary>
    internal const int FewestRows = 10;

    /// <summary>Epochs without improvement after which the run ends.</summary>
    /// <value>At least 1. The default is 2.</value>
    public int Patience { get; init; } = 2;

    /// <summary>Fewest validation rows that decide. With fewer, which would choose an epoch by chance, all epochs are trained, the last weights are kept and the log says so.</summary>
    /// <value>At least 1. The default is 10.</value>
    public int MinValidationRows { get; init; } = FewestRows;

    /// <summary>Smallest change that counts as an improvement.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double MinDelta { get; init; }

    /// <summary>Whether validation accuracy is watched instead of validation loss.</summary>
    /// <value>The default is <see langword="false"/>: the loss, which moves before the accuracy does.</value>
    public bool WatchAccuracy { get; init; }

    internal void Validate()
    {
        SettingCheck.Require(Patience >= 1, nameof(Patience), Patience, "Use at least 1 epoch.");
        SettingCheck.Require(MinValidationRows >= 1, nameof(MinValidationRows), MinValidationRows, "Use at least 1 row.");
        SettingCheck.Require(MinDelta >= 0 && double.IsFinite(MinDelta), nameof(MinDelta), MinDelta, "Use zero or a positive number.");
    }
}
