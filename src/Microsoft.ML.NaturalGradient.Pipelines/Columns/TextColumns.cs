using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for texts reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
/// <param name="Sentence1">The text.</param>
/// <param name="Sentence2">The second text of a pair; null for single texts.</param>
internal sealed record TextColumns(TargetColumns Target, string Sentence1, string? Sentence2) : RowColumns(Target)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> Features => Sentence2 is null ? [Sentence1] : [Sentence1, Sentence2];

    /// <inheritdoc/>
    public override void CheckFeatures(IHost host, SchemaShape schema)
    {
        foreach (var name in Features)
        {
            if (!schema.TryFindColumn(name, out var text))
            {
                throw host.ExceptSchemaMismatch(nameof(schema), "text", name);
            }

            if (text.ItemType != TextDataViewType.Instance || text.Kind != SchemaShape.Column.VectorKind.Scalar)
            {
                throw host.ExceptSchemaMismatch(nameof(schema), "text", name, "String", text.GetTypeString());
            }
        }
    }
}
