using System.Globalization;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Reads what rows are labelled with, and how often they count.</summary>
internal sealed class LabelReader
{
    private readonly DataViewRow _row;
    private readonly TargetColumns _columns;
    private readonly Func<double[]?> _label;
    private readonly ValueGetter<float>? _weight;

    /// <summary>Prepares reading.</summary>
    /// <param name="row">The row or cursor, with the columns of <see cref="TargetColumns.Inputs"/> active.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="target">What is predicted.</param>
    public LabelReader(DataViewRow row, TargetColumns columns, PredictionTarget target)
    {
        (_row, _columns) = (row, columns);
        _label = target.LabelReader(row, row.Schema[columns.Label]);
        _weight = columns.Weight is { } name ? row.GetGetter<float>(row.Schema[name]) : null;
    }

    /// <summary>Rows that were passed over because they have no label.</summary>
    public int Unlabelled { get; private set; }

    /// <summary>Rows that were passed over because their weight is zero.</summary>
    public int Weightless { get; private set; }

    /// <summary>Reads the current row.</summary>
    /// <param name="label">The label.</param>
    /// <returns>Whether the row is used.</returns>
    /// <exception cref="InvalidOperationException">The weight is negative or not finite.</exception>
    public bool TryRead(out RowLabel label)
    {
        label = default;
        var weight = 1f;
        _weight?.Invoke(ref weight);
        if (!float.IsFinite(weight) || weight < 0)
        {
            throw new InvalidOperationException(string.Create(
                CultureInfo.InvariantCulture,
                $"Row {_row.Position + 1} has the weight {weight} in the column '{_columns.Weight}'. A weight says how often a row counts: give a number of at least 0, where 0 leaves the row out."));
        }

        if (weight == 0)
        {
            Weightless++;
            return false;
        }

        if (_label() is not { } values)
        {
            Unlabelled++;
            return false;
        }

        label = new RowLabel(values, weight);
        return true;
    }
}
