using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
internal abstract record RowColumns(TargetColumns Target)
{
    /// <summary>The columns that are read, beside the label.</summary>
    public abstract IReadOnlyList<string> Features { get; }

    /// <summary>The columns that are read for training.</summary>
    public virtual IReadOnlyList<string> TrainingInputs => [.. Features, .. Target.Inputs];

    /// <summary>Checks that the columns of <see cref="Features"/> are there and can be read.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Shape of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    public abstract void CheckFeatures(IHost host, SchemaShape schema);

    /// <summary>Checks that the label is there too, and what else training reads.</summary>
    /// <inheritdoc cref="CheckFeatures"/>
    /// <returns>The label column.</returns>
    public virtual SchemaShape.Column Check(IHost host, SchemaShape schema)
    {
        var label = Target.CheckLabel(host, schema);
        CheckFeatures(host, schema);
        return label;
    }
}
