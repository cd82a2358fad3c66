using System.Globalization;
using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Columns as text, so that those of two transformers can be compared: types, annotations with their values, and the rows.</summary>
internal static class ColumnText
{
    /// <summary>Type and annotations of a column.</summary>
    public static string Describe(DataViewSchema.Column column)
    {
        var annotations = column.Annotations.Schema.OrderBy(kind => kind.Name, StringComparer.Ordinal).Select(kind => $"{kind.Name} {kind.Type} = {Annotation(column.Annotations, kind)}");
        return $"{column.Name}: {column.Type}; {string.Join("; ", annotations)}";
    }

    /// <summary>The numbers of a column, row by row.</summary>
    public static float[][] Numbers(IDataView data, string name) => data.Schema[name].Type is VectorDataViewType
        ? [.. data.GetColumn<VBuffer<float>>(name).Select(row => row.DenseValues().ToArray())]
        : [.. data.GetColumn<float>(name).Select(value => new[] { value })];

    /// <summary>The values of a column that are no numbers, row by row.</summary>
    public static string[] Values(IDataView data, string name)
    {
        var type = data.Schema[name].Type;
        return (string[])typeof(ColumnText).GetMethod(type is VectorDataViewType ? nameof(Vectors) : nameof(Scalars), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(((type as VectorDataViewType)?.ItemType ?? type).RawType).Invoke(null, [data, name])!;
    }

    private static string[] Vectors<T>(IDataView data, string name) => [.. data.GetColumn<VBuffer<T>>(name).Select(row => string.Join('|', row.DenseValues()))];

    private static string[] Scalars<T>(IDataView data, string name) => [.. data.GetColumn<T>(name).Select(value => $"{value}")];

    private static string Annotation(DataViewSchema.Annotations annotations, DataViewSchema.Column kind) => (string)typeof(ColumnText)
        .GetMethod(nameof(Read), BindingFlags.NonPublic | BindingFlags.Static)!.MakeGenericMethod(kind.Type.RawType).Invoke(null, [annotations, kind])!;

    private static string Read<T>(DataViewSchema.Annotations annotations, DataViewSchema.Column kind)
    {
        var value = default(T)!;
        annotations.GetValue(kind.Name, ref value);
        return value switch
        {
            VBuffer<ReadOnlyMemory<char>> texts => string.Join('|', texts.DenseValues()),
            VBuffer<float> numbers => string.Join('|', numbers.DenseValues().Select(number => number.ToString(CultureInfo.InvariantCulture))),
            _ => $"{value}",
        };
    }
}
