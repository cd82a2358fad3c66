namespace ReplicationSample;

/// <summary>What a run of bench minutes reached.</summary>
/// <param name="Task">The data set.</param>
/// <param name="Way">Encoder, what was trained, and by what.</param>
/// <param name="Minutes">The budget; 0 for what takes as long as it takes.</param>
/// <param name="Seed">The seed.</param>
/// <param name="Accuracy">Validation accuracy at the end.</param>
/// <param name="Loss">Validation loss at the end.</param>
/// <param name="Epochs">Epochs made.</param>
/// <param name="Seconds">Time used.</param>
internal sealed record MinutesResult(string Task, string Way, double Minutes, int Seed, double Accuracy, double Loss, int Epochs, double Seconds)
{
    /// <summary>What tells runs apart.</summary>
    public string Key => FormattableString.Invariant($"{Task}; {Way}; {Minutes}; {Seed}");
}
