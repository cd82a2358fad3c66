using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns with what is to be predicted and with the predictions.</summary>
/// <param name="Label">What is to be predicted, for training and evaluation; not read when scoring.</param>
/// <param name="Score">Output: probabilities, or the predicted number.</param>
/// <param name="PredictedLabel">Output: the most probable class, or classes, or the text; null where numbers are predicted.</param>
/// <param name="Kind">What labels are.</param>
internal sealed record TargetColumns(string Label, string Score, string? PredictedLabel, LabelKind Kind)
{
    /// <summary>What follows <see cref="Spans"/> in the name of the column with where entities begin.</summary>
    public const string StartSuffix = ".Start";

    /// <summary>The same for their lengths.</summary>
    public const string LengthSuffix = ".Length";

    /// <summary>The same for their types.</summary>
    public const string TypeSuffix = ".Type";

    /// <summary>The same for their probabilities.</summary>
    public const string ScoreSuffix = ".Score";

    /// <summary>What the names of the columns with entities begin with; null for no such columns.</summary>
    public string? Spans { get; init; }

    /// <summary>How often a row counts, for training; null where each counts once.</summary>
    public string? Weight { get; init; }

    /// <summary>The columns of the predictions.</summary>
    private IReadOnlyList<string> Outputs =>
    [
        Score,
        .. PredictedLabel is null ? [] : new[] { PredictedLabel },
        .. Spans is null ? [] : new[] { Spans + StartSuffix, Spans + LengthSuffix, Spans + TypeSuffix, Spans + ScoreSuffix },
    ];

    /// <summary>The columns that are read for training.</summary>
    public IReadOnlyList<string> Inputs => Weight is null ? [Label] : [Label, Weight];

    /// <summary>Checks that the names do not collide: an output with the name of a column that is read would hide it.</summary>
    /// <param name="features">The other columns that are read.</param>
    /// <exception cref="ArgumentException">They do.</exception>
    public void CheckNames(params IEnumerable<string> features)
    {
        if (Outputs.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { Key: var twice })
        {
            throw new ArgumentException($"Two output columns are called '{twice}'. Give the outputs different names.");
        }

        if (Inputs.Concat(features).FirstOrDefault(Outputs.Contains) is { } hidden)
        {
            throw new ArgumentException(
                $"The column '{hidden}' is read {(hidden == Label ? "as the label" : hidden == Weight ? "as the weight" : "as a feature")}, but an output has the same name and would hide it from whatever comes "
                + $"after the model, such as Evaluate. Give the output another name, for example '{hidden}Output', or copy the column: "
                + $"mlContext.Transforms.CopyColumns(\"{hidden}Input\", \"{hidden}\").");
        }
    }

    /// <summary>Checks that the label column is there and is of its kind, and that of weights a number.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Shape of the rows.</param>
    /// <returns>The label column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">One is missing or has the wrong type.</exception>
    public SchemaShape.Column CheckLabel(IHost host, SchemaShape schema)
    {
        var label = schema.Find(host, "label", Label);
        if (!Kind.Accepts(label))
        {
            throw host.ExceptSchemaMismatch(nameof(schema), "label", Label, Kind.Expected, label.GetTypeString());
        }

        if (Weight is null)
        {
            return label;
        }

        var weight = schema.Find(host, "weight", Weight);
        return weight.Kind == SchemaShape.Column.VectorKind.Scalar && !weight.IsKey && weight.ItemType == NumberDataViewType.Single
            ? label
            : throw host.ExceptSchemaMismatch(nameof(schema), "weight", Weight, LabelKind.Number.Expected, weight.GetTypeString());
    }

    /// <summary>Shape of the rows with the predictions.</summary>
    /// <param name="schema">Shape of the rows.</param>
    /// <param name="label">The label column.</param>
    public SchemaShape WithPredictions(SchemaShape schema, SchemaShape.Column label)
    {
        var outputs = Kind.Outputs(this, label).ToArray();
        return new SchemaShape(schema.Where(column => outputs.All(output => output.Name != column.Name)).Concat(outputs));
    }

    /// <summary>Reads the classes of the training rows, and checks that those of validation rows are the same.</summary>
    /// <param name="training">Schema of the training rows.</param>
    /// <param name="validation">Schema of the validation rows; null where there are none.</param>
    /// <returns>The classes.</returns>
    /// <exception cref="InvalidOperationException">There are too few classes, or other ones in the validation rows.</exception>
    public ClassLabels ReadClasses(DataViewSchema training, DataViewSchema? validation)
    {
        var labels = ClassLabels.Read(training[Label], Kind.FewestClasses);
        return validation is null || ClassLabels.Read(validation[Label], Kind.FewestClasses).Matches(labels)
            ? labels
            : throw new InvalidOperationException(
                $"The label column '{Label}' of the validation set has other classes, or another order of them, than that of the "
                + "training rows. Let the same fitted MapValueToKey transform both.");
    }
}
