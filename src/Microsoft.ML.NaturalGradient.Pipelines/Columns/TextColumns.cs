using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for texts reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
/// <param name="Sentence1">The text.</param>
/// <param name="Sentence2">The second text of a pair; null for single texts.</param>
internal sealed record TextColumns(TargetColumns Target, string Sentence1, string? Sentence2)
{
    /// <summary>The columns that hold text.</summary>
    public IReadOnlyList<string> Sentences => Sentence2 is null ? [Sentence1] : [Sentence1, Sentence2];

    /// <summary>Checks that the text columns are there and hold text.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Shape of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    public void CheckSentences(IHost host, SchemaShape schema)
    {
        foreach (var name in Sentences)
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
