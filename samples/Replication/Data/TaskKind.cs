namespace ReplicationSample;

/// <summary>What the rows of a task are.</summary>
internal enum TaskKind
{
    /// <summary>Texts.</summary>
    Texts,

    /// <summary>Pictures.</summary>
    Pictures,
}
