using System.Text.Json.Serialization;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How far a run has come: all of its state that is numbers and words. Changed as the run goes on.</summary>
internal sealed class TrainingPosition
{
    /// <summary>The epoch that goes on, from 1; one more than the last when all have ended.</summary>
    public int Epoch { get; set; } = 1;

    /// <summary>Steps taken in it.</summary>
    public int Step { get; set; }

    /// <summary>Whether the weights after its last step were looked at.</summary>
    public bool IsEndChecked { get; set; }

    /// <summary>Whether nothing is left to do.</summary>
    public bool IsFinished { get; set; }

    /// <summary>What its steps add up to.</summary>
    public EpochSums Sums { get; set; } = new();

    /// <summary>Rows of all steps.</summary>
    public long RowsDone { get; set; }

    /// <summary>Seconds that the run took, without interruptions.</summary>
    public double Seconds { get; set; }

    /// <summary>The epoch whose weights are kept, from 1; 0 for none.</summary>
    public int KeptEpoch { get; set; }

    /// <summary>What early stopping compares, of that epoch; smaller is better.</summary>
    public double Best { get; set; } = double.PositiveInfinity;

    /// <summary>Why the epoch before was not kept; null where it was.</summary>
    public string? Failure { get; set; }

    /// <summary>Why the run was taken back last; null for never.</summary>
    public string? Trouble { get; set; }

    /// <summary>How often update directions were measured.</summary>
    public long Measured { get; set; }

    /// <summary>What the guard against divergence knows.</summary>
    public GuardPosition? Guard { get; set; }

    /// <summary>Whether there are kept weights.</summary>
    [JsonIgnore]
    public bool HasKept => KeptEpoch > 0;

    /// <summary>Goes on to the next epoch.</summary>
    public void StartNextEpoch() => (Epoch, Step, IsEndChecked, Sums) = (Epoch + 1, 0, false, new EpochSums());
}
