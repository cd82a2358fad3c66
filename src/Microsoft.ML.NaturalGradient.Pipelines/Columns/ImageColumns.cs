using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns that a model for pictures reads and writes.</summary>
/// <param name="Target">The label and the predictions.</param>
/// <param name="Feature">The picture: encoded bytes, ML.NET's picture, or the path of a file.</param>
internal sealed record ImageColumns(TargetColumns Target, string Feature)
{
    private const string Expected = "Vector<Byte> (an encoded picture), Image, or String (the path of a file)";

    /// <summary>Checks that the picture column is there and can be read.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Shape of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is missing or has the wrong type.</exception>
    public void CheckFeature(IHost host, SchemaShape schema)
    {
        if (!schema.TryFindColumn(Feature, out var column))
        {
            throw host.ExceptSchemaMismatch(nameof(schema), "feature", Feature);
        }

        var isScalar = column.Kind == SchemaShape.Column.VectorKind.Scalar;
        var isRead = column.ItemType is TextDataViewType or ImageDataViewType ? isScalar : column.ItemType == NumberDataViewType.Byte && !isScalar;
        if (!isRead)
        {
            throw host.ExceptSchemaMismatch(nameof(schema), "feature", Feature, Expected, column.GetTypeString());
        }
    }

    /// <summary>Finds the picture column.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Schema of the rows.</param>
    /// <returns>The column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is missing or has the wrong type.</exception>
    public DataViewSchema.Column FindFeature(IHost host, DataViewSchema schema)
    {
        var column = schema.GetColumnOrNull(Feature) ?? throw host.ExceptSchemaMismatch(nameof(schema), "feature", Feature);
        return column.Type is TextDataViewType or ImageDataViewType || (column.Type is VectorDataViewType vector && vector.ItemType == NumberDataViewType.Byte)
            ? column
            : throw host.ExceptSchemaMismatch(nameof(schema), "feature", Feature, Expected, column.Type.ToString());
    }
}
