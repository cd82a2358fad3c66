namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>A part of a text that is tokenized by itself: a word, or what a word is made of.</summary>
/// <param name="Text">The part.</param>
/// <param name="Start">Where it begins in the text, in UTF-16 units.</param>
/// <param name="FollowsSpace">Whether white space stands before it.</param>
internal readonly record struct TextUnit(string Text, int Start, bool FollowsSpace)
{
    /// <summary>Where it ends.</summary>
    public int End => Start + Text.Length;
}
