using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for pictures reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
/// <param name="Feature">The picture: encoded bytes, ML.NET's picture, or the path of a file.</param>
internal sealed record ImageColumns(TargetColumns Target, string Feature) : RowColumns(Target)
{
    private const string Expected = "Vector<Byte> (an encoded picture), Image, or String (the path of a file)";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Features => [Feature];

    /// <inheritdoc/>
    public override void CheckFeatures(IHost host, SchemaShape schema)
    {
        var column = schema.Find(host, "feature", Feature);
        var isScalar = column.Kind == SchemaShape.Column.VectorKind.Scalar;
        var isRead = column.ItemType is TextDataViewType or ImageDataViewType ? isScalar : column.ItemType == NumberDataViewType.Byte && !isScalar;
        if (!isRead)
        {
            throw host.ExceptSchemaMismatch(nameof(schema), "feature", Feature, Expected, column.GetTypeString());
        }
    }
}
