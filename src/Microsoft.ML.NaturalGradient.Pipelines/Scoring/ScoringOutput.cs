using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A column that scoring adds.</summary>
/// <param name="Name">Name of the column.</param>
/// <param name="Type">Its type.</param>
/// <param name="Annotations">Its annotations.</param>
/// <param name="Getter">Makes, from a function that gives the current row's predictions, a <see cref="ValueGetter{TValue}"/> of the column's type.</param>
internal sealed record ScoringOutput(
    string Name, DataViewType Type, DataViewSchema.Annotations Annotations, Func<Func<RowScores>, Delegate> Getter)
{
    /// <summary>Starts the annotations that every score column and its companions carry.</summary>
    /// <param name="input">Schema of the rows, for an id that is not taken.</param>
    /// <param name="scoreKind">ML.NET's name for the kind of task.</param>
    /// <param name="valueKind">ML.NET's name for what the column holds.</param>
    /// <returns>A builder with the annotations.</returns>
    public static DataViewSchema.Annotations.Builder ScoreAnnotations(DataViewSchema input, string scoreKind, string valueKind)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        var setId = input.GetMaxAnnotationKind(out _, AnnotationUtils.Kinds.ScoreColumnSetId) + 1;
        builder.Add(AnnotationUtils.Kinds.ScoreColumnSetId, AnnotationUtils.ScoreColumnSetIdType, (ref uint value) => value = setId);
        AddText(builder, AnnotationUtils.Kinds.ScoreColumnKind, scoreKind);
        AddText(builder, AnnotationUtils.Kinds.ScoreValueKind, valueKind);
        return builder;
    }

    /// <summary>The annotations of a column of predicted classes.</summary>
    /// <param name="input">Schema of the rows.</param>
    /// <param name="labels">The classes.</param>
    public static DataViewSchema.Annotations LabelAnnotations(DataViewSchema input, ClassLabels labels)
    {
        var builder = ScoreAnnotations(input, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification, AnnotationUtils.Const.ScoreValueKind.PredictedLabel);
        labels.Annotate(builder, AnnotationUtils.Kinds.KeyValues);
        return builder.ToAnnotations();
    }

    /// <summary>The annotations of a column with a number for each class.</summary>
    /// <param name="input">Schema of the rows.</param>
    /// <param name="labels">The classes.</param>
    /// <remarks>Names of the slots are text whatever the label's type, so that metrics print them.</remarks>
    public static DataViewSchema.Annotations ClassAnnotations(DataViewSchema input, ClassLabels labels)
    {
        var builder = ScoreAnnotations(input, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification, AnnotationUtils.Const.ScoreValueKind.Score);
        labels.Annotate(builder, AnnotationUtils.Kinds.TrainingLabelValues);
        var names = new VBuffer<ReadOnlyMemory<char>>(labels.Count, [.. labels.Names.Select(name => name.AsMemory())]);
        builder.AddSlotNames(names.Length, (ref value) => names.CopyTo(ref value));
        return builder.ToAnnotations();
    }

    /// <summary>Fills a vector of a row.</summary>
    /// <param name="vector">The vector; changed.</param>
    /// <param name="values">The values.</param>
    public static void Fill<T>(ref VBuffer<T> vector, ReadOnlySpan<T> values)
    {
        var editor = VBufferEditor.Create(ref vector, values.Length);
        values.CopyTo(editor.Values);
        vector = editor.Commit();
    }

    /// <summary>Reads all numbers of a row.</summary>
    /// <param name="scores">Gives the current row's predictions.</param>
    public static ValueGetter<VBuffer<float>> ValuesGetter(Func<RowScores> scores) => (ref value) => Fill<float>(ref value, scores().Values);

    private static void AddText(DataViewSchema.Annotations.Builder builder, string kind, string text) =>
        builder.Add(kind, TextDataViewType.Instance, (ref ReadOnlyMemory<char> value) => value = text.AsMemory());
}
