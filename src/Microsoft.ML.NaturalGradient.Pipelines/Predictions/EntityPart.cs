namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Where in an entity a word is.</summary>
internal enum EntityPart
{
    /// <summary>In none.</summary>
    Outside,

    /// <summary>The first word, which others may follow.</summary>
    Begin,

    /// <summary>A word that belongs to the one before, if that is of an entity of the same type.</summary>
    Inside,

    /// <summary>The last word.</summary>
    End,

    /// <summary>The only word.</summary>
    Single,
}
