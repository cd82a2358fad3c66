namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Checks how an output column is read.</summary>
internal static class ScoringGetters
{
    /// <summary>Gives a getter its static type.</summary>
    /// <typeparam name="TValue">The type that the reader asks for.</typeparam>
    /// <param name="getter">The column's getter.</param>
    /// <param name="column">The column.</param>
    /// <param name="isActive">Whether the column was asked for when reading began.</param>
    /// <returns>The same getter.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The column was not asked for.</exception>
    /// <exception cref="InvalidOperationException">The column has another type.</exception>
    public static ValueGetter<TValue> Cast<TValue>(Delegate getter, DataViewSchema.Column column, bool isActive)
    {
        if (!isActive)
        {
            throw NotActive(column);
        }

        return getter as ValueGetter<TValue> ?? throw new InvalidOperationException(
            $"The column '{column.Name}' is of type {column.Type}, which is not read as {typeof(TValue)}.");
    }

    /// <summary>The error for a column that was not asked for.</summary>
    /// <param name="column">The column.</param>
    public static ArgumentOutOfRangeException NotActive(DataViewSchema.Column column) =>
        new(nameof(column), $"The column '{column.Name}' is not active. Name it when the cursor or row is made.");
}
