namespace TextTasksSample;

/// <summary>What the sample can learn.</summary>
internal enum TaskKind
{
    /// <summary>Names of persons, places and so on in a text.</summary>
    Names,

    /// <summary>The part of a text that answers a question.</summary>
    Answers,

    /// <summary>Several classes, or none, of a text.</summary>
    Labels,

    /// <summary>A number.</summary>
    Number,
}
