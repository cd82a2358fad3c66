using System.Text.Json.Serialization;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>How far a run has come: all of its state that is numbers and words. Changed as the run goes on.</summary>
internal sealed class TrainingPosition
{
    private const double MostSeconds = 1e10; // centuries

    /// <summary>The epoch that goes on, from 1; one more than the last when all have ended.</summary>
    public int Epoch { get; set; } = 1;

    /// <summary>Steps taken in it.</summary>
    public int Step { get; set; }

    /// <summary>Whether it takes no more steps although some are left, because the run has no time for them.</summary>
    public bool IsCut { get; set; }

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

    /// <summary>Refuses a position that no run comes to: from some, a run would never end.</summary>
    /// <param name="epochCount">Epochs of the run.</param>
    /// <param name="batchCount">Batches of an epoch.</param>
    /// <exception cref="InvalidDataException">It is one; the message names what is wrong.</exception>
    public void Check(int epochCount, int batchCount)
    {
        Require(Epoch >= 1 && Epoch - (IsFinished ? 1 : 0) <= epochCount, nameof(Epoch), Epoch);
        Require(Step >= 0 && Step <= batchCount, nameof(Step), Step);
        Require(!IsCut || Step > 0, nameof(IsCut), IsCut);
        Require(KeptEpoch >= 0 && KeptEpoch <= epochCount, nameof(KeptEpoch), KeptEpoch);
        Require(RowsDone >= 0, nameof(RowsDone), RowsDone);
        Require(Measured >= 0, nameof(Measured), Measured);
        Require(Seconds is >= 0 and <= MostSeconds, nameof(Seconds), Seconds);
        Require(Sums is not null, nameof(Sums), null);
        Require(Guard is { RateFactor: > 0 and <= 1, Rescues: >= 0 and <= DivergenceGuard.MostRescues, Steps: >= 0, SinceSnapshot: >= 0 }, nameof(Guard), Guard);
        Require(!IsFinished || HasKept || Failure is not null || Guard!.IsAtStart, nameof(IsFinished), IsFinished);

        static void Require(bool isLegal, string name, object? value)
        {
            if (!isLegal)
            {
                throw new InvalidDataException(FormattableString.Invariant(
                    $"The state of the run has {name} {value ?? "missing"}, to which no run of these settings comes. Set Resume to false to begin anew."));
            }
        }
    }

    /// <summary>Goes on to the next epoch.</summary>
    public void StartNextEpoch() => (Epoch, Step, IsCut, IsEndChecked, Sums) = (Epoch + 1, 0, false, false, new EpochSums());
}
