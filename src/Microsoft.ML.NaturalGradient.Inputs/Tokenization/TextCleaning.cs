namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A step of text cleaning, or several in their order.</summary>
/// <remarks>Steps come from files, which may be a stranger's: no text becomes much longer than it was, however many steps make it grow.</remarks>
/// <param name="Step">Cleans a text without lone surrogates, given how long the result may be; thread-safe.</param>
/// <param name="WorksInParts">
/// Whether a text may be cleaned part by part if it is cut between a letter, digit or ASCII symbol and a space (U+0020): the cleaned parts together
/// are the cleaned text, there is still one space where it was cut, and none before it. Not so for steps that trim, replace or drop letters.
/// </param>
internal sealed record TextCleaning(Func<string, int, string> Step, bool WorksInParts)
{
    private const int MostGrowth = 100; // compatibility decomposition makes 18 letters of one
    private const int Spare = 10_000;

    /// <summary>A step that makes a text a few times as long at most.</summary>
    /// <inheritdoc cref="TextCleaning(Func{string, int, string}, bool)"/>
    public TextCleaning(Func<string, string> apply, bool worksInParts)
        : this((text, _) => apply(text), worksInParts)
    {
    }

    /// <summary>Leaves text as it is.</summary>
    public static TextCleaning None { get; } = new(text => text, worksInParts: true);

    /// <summary>One step that takes all steps in their order.</summary>
    public static TextCleaning Chain(IReadOnlyCollection<TextCleaning> steps)
    {
        Func<string, int, string>[] all = [.. steps.Select(step => step.Step)];
        return new(
            (text, most) =>
            {
                foreach (var step in all)
                {
                    text = step(text, most);
                    CheckLength(text.Length, most);
                }

                return text;
            },
            steps.All(step => step.WorksInParts));
    }

    /// <summary>Cleans a text.</summary>
    /// <param name="text">Text without lone surrogates.</param>
    /// <exception cref="InvalidDataException">It would become more than a hundred times as long.</exception>
    public string Apply(string text) => Step(text, (int)Math.Min(Array.MaxLength, Spare + ((long)MostGrowth * text.Length)));

    /// <summary>Refuses a text that has grown too long.</summary>
    /// <param name="length">How long it is, or would be.</param>
    /// <param name="most">How long it may be.</param>
    /// <exception cref="InvalidDataException">It is longer.</exception>
    public static void CheckLength(long length, int most)
    {
        if (length > most)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The tokenizer's normalizer makes more than {most} letters of a text, over {MostGrowth} times as many as it had. Get the model from a source that you trust."));
        }
    }
}
