namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A token that is recognised letter by letter in a text and never split.</summary>
/// <param name="Content">Its spelling.</param>
/// <param name="Id">Its id; -1 where it is not told.</param>
internal sealed record AddedToken(string Content, int Id = -1)
{
    /// <summary>Whether it takes the white space before it.</summary>
    public bool TakesSpaceBefore { get; init; }

    /// <summary>Whether it takes the white space after it.</summary>
    public bool TakesSpaceAfter { get; init; }

    /// <summary>Whether it is looked for in cleaned text, in its own cleaned spelling, and not in the text as the user wrote it.</summary>
    public bool Cleaned { get; init; }
}
