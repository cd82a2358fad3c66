using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Finds columns by name; where there is none, the error says which there are.</summary>
internal static class ColumnSearch
{
    private const int MostNamed = 20;

    /// <summary>Finds a column in the shape of rows.</summary>
    /// <param name="schema">Shape of the rows.</param>
    /// <param name="host">Marks the error as its own.</param>
    /// <param name="role">What the column is called in messages.</param>
    /// <param name="name">Its name.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is none.</exception>
    public static SchemaShape.Column Find(this SchemaShape schema, IHost host, string role, string name) =>
        schema.TryFindColumn(name, out var column) ? column : throw Missing(host, role, name, schema.Select(other => other.Name), nameof(schema));

    /// <summary>Finds a column of data.</summary>
    /// <inheritdoc cref="Find(SchemaShape, IHost, string, string)"/>
    public static DataViewSchema.Column Find(this DataViewSchema schema, IHost host, string role, string name) =>
        schema.GetColumnOrNull(name) ?? throw Missing(host, role, name, schema.Where(column => !column.IsHidden).Select(column => column.Name), nameof(schema));

    private static ArgumentOutOfRangeException Missing(IHost host, string role, string name, IEnumerable<string> names, string parameter)
    {
        string[] present = [.. names.Select(other => $"'{other}'")];
        var list = present.Length == 0 ? "no columns" : string.Join(", ", present.Take(MostNamed)) + (present.Length > MostNamed ? $" and {present.Length - MostNamed} more" : "");
        return host.Process(new ArgumentOutOfRangeException(
            parameter, $"Could not find {role} column '{name}': the data has {list}. Name the column that holds it, or add one with this name."));
    }
}
