using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for texts reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
/// <param name="Sentence1">The text.</param>
/// <param name="Sentence2">The second text of a pair; null for single texts.</param>
internal record TextColumns(TargetColumns Target, string Sentence1, string? Sentence2) : RowColumns(Target)
{
    /// <summary>Whether the text may be given as a vector of its words.</summary>
    public bool AllowsWords { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Features => Sentence2 is null ? [Sentence1] : [Sentence1, Sentence2];

    /// <inheritdoc/>
    public override void CheckFeatures(IHost host, SchemaShape schema)
    {
        foreach (var name in Features)
        {
            var text = schema.Find(host, "text", name);
            if (text.ItemType != TextDataViewType.Instance || (text.Kind != SchemaShape.Column.VectorKind.Scalar && !AllowsWords))
            {
                throw host.ExceptSchemaMismatch(nameof(schema), "text", name, AllowsWords ? "String, or a vector of String with its words" : "String", text.GetTypeString());
            }
        }
    }
}
