using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>Finds the columns that metrics are computed from, checks their types, and reads the rows.</summary>
/// <param name="host">The host.</param>
/// <param name="data">The data.</param>
internal sealed class EvaluatedColumns(IHost host, IDataView data)
{
    private const string KeysMadeBy = ", which Transforms.Conversion.MapValueToKey makes";

    /// <summary>Finds a column with a key in each row.</summary>
    /// <param name="role">What it is called in messages.</param>
    /// <param name="name">Its name.</param>
    /// <returns>The column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is missing or has another type.</exception>
    public DataViewSchema.Column Key(string role, string name) => Find(role, name, "Key<UInt32>" + KeysMadeBy, IsKey);

    /// <summary>Finds a column with a vector of keys in each row.</summary>
    /// <inheritdoc cref="Key"/>
    public DataViewSchema.Column Keys(string role, string name) =>
        Find(role, name, "Vector<Key<UInt32>>" + KeysMadeBy + " of a vector of texts", type => type is VectorDataViewType vector && IsKey(vector.ItemType));

    /// <summary>Finds a column with a vector of keys, whose values are given, in each row.</summary>
    /// <inheritdoc cref="Key"/>
    public DataViewSchema.Column NamedKeys(string role, string name)
    {
        var column = Keys(role, name);
        return KeyNames.Read(column).AreGiven
            ? column
            : throw host.ExceptSchemaMismatch(nameof(data), role, name, "Vector<Key<UInt32>> with the values of its keys (the annotation KeyValues)", $"{column.Type} without values");
    }

    /// <summary>Finds a column with a text, or a vector of texts, in each row.</summary>
    /// <inheritdoc cref="Key"/>
    public DataViewSchema.Column Texts(string role, string name) =>
        Find(role, name, "String or Vector<String>", type => type.GetItemType() is TextDataViewType);

    /// <summary>Finds a column with a number for each class in each row.</summary>
    /// <param name="role">What it is called in messages.</param>
    /// <param name="name">Its name.</param>
    /// <param name="label">The classes.</param>
    /// <returns>The column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is missing or has another type.</exception>
    public DataViewSchema.Column Scores(string role, string name, KeyNames label) => Find(
        role, name, FormattableString.Invariant($"Vector<Single, {label.Count}>, a number for each of the {label.Count} keys of '{label.Column}'"),
        type => type is VectorDataViewType vector && vector.ItemType == NumberDataViewType.Single && vector.Size == label.Count && vector.Size > 0);

    /// <summary>Reads all rows.</summary>
    /// <param name="columns">The columns that are read.</param>
    /// <param name="open">Makes what is called for each row.</param>
    /// <returns>How many rows there are.</returns>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public long Read(IEnumerable<DataViewSchema.Column> columns, Func<DataViewRow, Action> open)
    {
        using var cursor = data.GetRowCursor(columns.DistinctBy(column => column.Index));
        var (read, count) = (open(cursor), 0L);
        while (cursor.MoveNext())
        {
            host.CheckAlive();
            read();
            count++;
        }

        return count > 0
            ? count
            : throw new InvalidOperationException("The data has no rows, so there is nothing to measure. Check the path or the filter that it comes from.");
    }

    private static bool IsKey(DataViewType type) => type is KeyDataViewType && type.RawType == typeof(uint);

    private DataViewSchema.Column Find(string role, string name, string expected, Func<DataViewType, bool> fits)
    {
        var column = data.Schema.Find(host, role, name);
        return fits(column.Type) ? column : throw host.ExceptSchemaMismatch(nameof(data), role, name, expected, column.Type.ToString()!);
    }
}
