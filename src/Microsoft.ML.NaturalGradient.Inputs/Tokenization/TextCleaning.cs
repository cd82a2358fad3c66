namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A step of text cleaning, or several in their order.</summary>
/// <param name="Apply">Cleans a text without lone surrogates; thread-safe.</param>
/// <param name="WorksInParts">
/// Whether a text may be cleaned part by part if it is cut between a letter, digit or ASCII symbol and a space (U+0020): the cleaned parts together
/// are the cleaned text, there is still one space where it was cut, and none before it. Not so for steps that trim, replace or drop letters.
/// </param>
internal sealed record TextCleaning(Func<string, string> Apply, bool WorksInParts)
{
    /// <summary>Leaves text as it is.</summary>
    public static TextCleaning None { get; } = new(text => text, WorksInParts: true);

    /// <summary>One step that takes all steps in their order.</summary>
    public static TextCleaning Chain(IReadOnlyCollection<TextCleaning> steps) =>
        new(TextSteps.Chain([.. steps.Select(step => step.Apply)]), steps.All(step => step.WorksInParts));
}
