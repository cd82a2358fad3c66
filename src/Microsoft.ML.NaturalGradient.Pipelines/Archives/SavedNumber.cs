namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Numbers in the description of a saved model, which may be a stranger's.</summary>
internal static class SavedNumber
{
    /// <summary>Refuses a number that no model is saved with.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="value">The number.</param>
    /// <param name="least">The least that it may be.</param>
    /// <param name="most">The most that it may be.</param>
    /// <returns>The number.</returns>
    /// <exception cref="InvalidDataException">It is out of range; the message names it.</exception>
    public static long Check(string what, long value, long least, long most) => value >= least && value <= most
        ? value
        : throw new InvalidDataException(FormattableString.Invariant(
            $"The saved model is damaged: its {what} is {value}; it must be from {least} to {most}. Copy the file again, or save the model again."));

    /// <summary>Refuses a number that is not greater than zero.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="value">The number.</param>
    /// <returns>The number.</returns>
    /// <exception cref="InvalidDataException">It is not; the message names it.</exception>
    public static double Positive(string what, double value) => double.IsFinite(value) && value > 0
        ? value
        : throw new InvalidDataException(FormattableString.Invariant(
            $"The saved model is damaged: its {what} is {value}; it must be greater than zero. Copy the file again, or save the model again."));

    /// <summary>Refuses a number that is no probability.</summary>
    /// <param name="what">What it is.</param>
    /// <param name="value">The number.</param>
    /// <returns>The number.</returns>
    /// <exception cref="InvalidDataException">It is none; the message names it.</exception>
    public static float Probability(string what, float value) => value is >= 0 and <= 1
        ? value
        : throw new InvalidDataException(FormattableString.Invariant(
            $"The saved model is damaged: its {what} is {value}; it must be from 0 to 1. Copy the file again, or save the model again."));
}
