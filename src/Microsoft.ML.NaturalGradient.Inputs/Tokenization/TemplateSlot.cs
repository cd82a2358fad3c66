namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>What stands at one place of a <see cref="SequenceTemplate"/>.</summary>
internal enum TemplateSlot
{
    /// <summary>A special token.</summary>
    Token,

    /// <summary>The tokens of the first text.</summary>
    First,

    /// <summary>The tokens of the second text.</summary>
    Second,
}
