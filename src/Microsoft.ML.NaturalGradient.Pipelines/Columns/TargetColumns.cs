using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>Names of the columns with what is to be predicted and with the predictions.</summary>
/// <param name="Label">The class or number, for training and evaluation; not read when scoring.</param>
/// <param name="Score">Output: probabilities, or the predicted number.</param>
/// <param name="PredictedLabel">Output: the most probable class; null where numbers are predicted.</param>
internal sealed record TargetColumns(string Label, string Score, string? PredictedLabel)
{
    /// <summary>Checks that the names do not collide: an output with the name of a column that is read would hide it.</summary>
    /// <param name="features">The other columns that are read.</param>
    /// <exception cref="ArgumentException">They do.</exception>
    public void CheckNames(params IEnumerable<string> features)
    {
        if (Score == PredictedLabel)
        {
            throw new ArgumentException($"Both output columns are called '{Score}'. Give the scores and the predicted label different names.");
        }

        if (features.Prepend(Label).FirstOrDefault(name => name == Score || name == PredictedLabel) is { } hidden)
        {
            throw new ArgumentException(
                $"The column '{hidden}' is read {(hidden == Label ? "as the label" : "as a feature")}, but an output has the same name and would hide it from whatever comes "
                + $"after the model, such as Evaluate. Give the output another name, for example '{hidden}Output', or copy the column: "
                + $"mlContext.Transforms.CopyColumns(\"{hidden}Input\", \"{hidden}\").");
        }
    }

    /// <summary>Checks that the label column is there, and is a key where classes are predicted, else a number.</summary>
    /// <param name="host">The host.</param>
    /// <param name="schema">Shape of the rows.</param>
    /// <returns>The label column.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is missing or has the wrong type.</exception>
    public SchemaShape.Column CheckLabel(IHost host, SchemaShape schema)
    {
        if (!schema.TryFindColumn(Label, out var label))
        {
            throw host.ExceptSchemaMismatch(nameof(schema), "label", Label);
        }

        var isKey = PredictedLabel is not null;
        return label.Kind == SchemaShape.Column.VectorKind.Scalar && label.IsKey == isKey
            && label.ItemType == (isKey ? NumberDataViewType.UInt32 : (DataViewType)NumberDataViewType.Single)
            ? label
            : throw host.ExceptSchemaMismatch(
                nameof(schema), "label", Label, isKey ? "Key<UInt32>, which Transforms.Conversion.MapValueToKey makes" : "Single", label.GetTypeString());
    }

    /// <summary>Shape of the rows with the predictions.</summary>
    /// <param name="schema">Shape of the rows.</param>
    /// <param name="label">The label column.</param>
    public SchemaShape WithPredictions(SchemaShape schema, SchemaShape.Column label)
    {
        var shared = AnnotationUtils.GetTrainerOutputAnnotation();
        if (PredictedLabel is null)
        {
            return With(schema, new SchemaShape.Column(
                Score, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.Single, isKey: false, new SchemaShape(shared)));
        }

        var keyValues = label.Annotations.Where(annotation => annotation.Name == AnnotationUtils.Kinds.KeyValues);
        return With(
            schema,
            new SchemaShape.Column(
                PredictedLabel, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, isKey: true, new SchemaShape(keyValues.Concat(shared))),
            new SchemaShape.Column(
                Score, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, isKey: false,
                new SchemaShape(AnnotationUtils.AnnotationsForMulticlassScoreColumn(label))));
    }

    /// <summary>Reads the classes of the training rows, and checks that those of validation rows are the same.</summary>
    /// <param name="training">Schema of the training rows.</param>
    /// <param name="validation">Schema of the validation rows; null where there are none.</param>
    /// <returns>The classes.</returns>
    /// <exception cref="InvalidOperationException">There are fewer than two classes, or other ones in the validation rows.</exception>
    public ClassLabels ReadClasses(DataViewSchema training, DataViewSchema? validation)
    {
        var labels = ClassLabels.Read(training[Label]);
        return validation is null || ClassLabels.Read(validation[Label]).Matches(labels)
            ? labels
            : throw new InvalidOperationException(
                $"The label column '{Label}' of the validation set has other classes, or another order of them, than that of the "
                + "training rows. Let the same fitted MapValueToKey transform both.");
    }

    private static SchemaShape With(SchemaShape schema, params SchemaShape.Column[] outputs)
    {
        var columns = schema.Where(column => outputs.All(output => output.Name != column.Name));
        return new SchemaShape(columns.Concat(outputs));
    }
}
