using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Tells rows apart that are read twice.</summary>
/// <remarks>The ids of rows that a program hands over are their places, which are the same whichever rows a cursor gets, and in whatever order: values tell.</remarks>
internal static class RowHash
{
    /// <summary>Whether a column costs little to read twice.</summary>
    /// <param name="column">The column.</param>
    public static bool IsCheap(DataViewSchema.Column column) => column.Type is PrimitiveDataViewType;

    /// <summary>Prepares reading.</summary>
    /// <param name="row">A row or cursor with the columns active.</param>
    /// <param name="columns">The columns; those of rare types do not count.</param>
    /// <returns>Reads the current row.</returns>
    public static Func<int> Of(DataViewRow row, IEnumerable<DataViewSchema.Column> columns)
    {
        var getters = columns.Select(column => Getter(row, column)).OfType<Func<int>>().ToArray();
        return () =>
        {
            var hash = default(HashCode);
            foreach (var getter in getters)
            {
                hash.Add(getter());
            }

            return hash.ToHashCode();
        };
    }

    private static Func<int>? Getter(DataViewRow row, DataViewSchema.Column column) => Type.GetTypeCode(column.Type.RawType) switch
    {
        TypeCode.UInt32 => Value<uint>(row, column),
        TypeCode.UInt64 => Value<ulong>(row, column),
        TypeCode.Int32 => Value<int>(row, column),
        TypeCode.Int64 => Value<long>(row, column),
        TypeCode.Single => Value<float>(row, column),
        TypeCode.Double => Value<double>(row, column),
        TypeCode.Boolean => Value<bool>(row, column),
        _ => column.Type is TextDataViewType ? Text(row, column) : null,
    };

    private static Func<int> Value<T>(DataViewRow row, DataViewSchema.Column column)
        where T : struct
    {
        var (getter, value) = (row.GetGetter<T>(column), default(T));
        return () =>
        {
            getter(ref value);
            return value.GetHashCode();
        };
    }

    private static Func<int> Text(DataViewRow row, DataViewSchema.Column column)
    {
        var (getter, value) = (row.GetGetter<ReadOnlyMemory<char>>(column), default(ReadOnlyMemory<char>));
        return () =>
        {
            getter(ref value);
            return string.GetHashCode(value.Span);
        };
    }
}
