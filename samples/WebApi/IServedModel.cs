namespace WebApiSample;

/// <summary>What the health check and the list of models tell of a served model.</summary>
internal interface IServedModel
{
    /// <summary>Name of its settings.</summary>
    string Name { get; }

    /// <summary>How many models were installed so far; an answer tells which of them gave it.</summary>
    int Version { get; }

    /// <summary>Names of the classes; null while no model is loaded.</summary>
    IReadOnlyList<string>? ClassNames { get; }
}
