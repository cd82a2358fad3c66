using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for questions reads and writes: the question is the first text, the context the second.</summary>
/// <param name="Target">The answer for training, and the answers that are found.</param>
/// <param name="Question">The question.</param>
/// <param name="Context">The text that has the answer.</param>
/// <param name="AnswerIndex">Where in the context the training answer begins, in UTF-16 units.</param>
internal sealed record AnswerColumns(TargetColumns Target, string Question, string Context, string AnswerIndex) : TextColumns(Target, Question, Context)
{
    /// <inheritdoc/>
    public override IReadOnlyList<string> TrainingInputs => [.. base.TrainingInputs, AnswerIndex];

    /// <inheritdoc/>
    public override SchemaShape.Column Check(IHost host, SchemaShape schema)
    {
        var index = schema.Find(host, "answer index", AnswerIndex);
        return index.ItemType == NumberDataViewType.Int32 && !index.IsKey && index.Kind == SchemaShape.Column.VectorKind.Scalar
            ? base.Check(host, schema)
            : throw host.ExceptSchemaMismatch(nameof(schema), "answer index", AnswerIndex, "Int32, which Transforms.Conversion.ConvertType makes of other numbers", index.GetTypeString());
    }
}
