namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>What a piece of a SentencePiece model is for; the numbers are those of the file format.</summary>
internal enum SentencePieceKind
{
    /// <summary>Spells text.</summary>
    Normal = 1,

    /// <summary>Stands for what cannot be spelled.</summary>
    Unknown = 2,

    /// <summary>Never part of text, for example the end of a sentence.</summary>
    Control = 3,

    /// <summary>Stays whole wherever it is written.</summary>
    UserDefined = 4,

    /// <summary>Not in use.</summary>
    Unused = 5,

    /// <summary>One byte of a character that cannot be spelled.</summary>
    Byte = 6,
}
