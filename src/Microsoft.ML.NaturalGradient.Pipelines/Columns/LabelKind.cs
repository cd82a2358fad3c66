using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What labels of a task are, and which columns its predictions become.</summary>
internal abstract class LabelKind
{
    /// <summary>One class: a key. Out come a key and a probability for each class.</summary>
    public static LabelKind Class { get; } = new OneClass();

    /// <summary>A number. Out comes a number.</summary>
    public static LabelKind Number { get; } = new OneNumber();

    /// <summary>Any number of classes: a vector of keys. Out come a vector of keys and a probability for each class.</summary>
    public static LabelKind Classes { get; } = new SeveralClasses();

    /// <summary>A class for each word: a vector of keys. Out come a vector of keys and a probability for each word.</summary>
    public static LabelKind Tags { get; } = new TagOfEachWord();

    /// <summary>A part of a text: text. Out come texts and a number for each.</summary>
    public static LabelKind Answer { get; } = new PartOfText();

    /// <summary>All kinds.</summary>
    public static IReadOnlyList<LabelKind> All { get; } = [Class, Number, Classes, Tags, Answer];

    /// <summary>Name by which files tell it from others.</summary>
    public abstract string Name { get; }

    /// <summary>Which columns are labels, in words.</summary>
    public abstract string Expected { get; }

    /// <summary>Fewest classes that a label column of keys can have.</summary>
    public virtual int FewestClasses => 2;

    /// <summary>Whether a column can be the label.</summary>
    /// <param name="column">The column.</param>
    public abstract bool Accepts(SchemaShape.Column column);

    /// <summary>The columns that come out.</summary>
    /// <param name="target">Their names.</param>
    /// <param name="label">The label column.</param>
    public abstract IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label);

    private static bool IsKey(SchemaShape.Column column) => column.IsKey && column.ItemType == NumberDataViewType.UInt32;

    private static SchemaShape.Column Keys(string name, SchemaShape.Column.VectorKind kind, SchemaShape.Column label)
    {
        var keyValues = label.Annotations.Where(annotation => annotation.Name == AnnotationUtils.Kinds.KeyValues);
        return new(name, kind, NumberDataViewType.UInt32, isKey: true, new SchemaShape(keyValues.Concat(AnnotationUtils.GetTrainerOutputAnnotation())));
    }

    private static SchemaShape.Column Scores(string name, SchemaShape.Column.VectorKind kind, IEnumerable<SchemaShape.Column> annotations) =>
        new(name, kind, NumberDataViewType.Single, isKey: false, new SchemaShape(annotations));

    // ML.NET's own trainers name slots of labels that are texts only; here they have names whatever the label's type.
    private static SchemaShape.Column[] OfEachClass(SchemaShape.Column label) =>
    [
        .. AnnotationUtils.AnnotationsForMulticlassScoreColumn(label).Where(annotation => annotation.Name != AnnotationUtils.Kinds.SlotNames),
        new(AnnotationUtils.Kinds.SlotNames, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, isKey: false),
    ];

    private sealed class OneClass : LabelKind
    {
        public override string Name => "class";

        public override string Expected => "Key<UInt32>, which Transforms.Conversion.MapValueToKey makes";

        public override bool Accepts(SchemaShape.Column column) => column.Kind == SchemaShape.Column.VectorKind.Scalar && IsKey(column);

        public override IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label) =>
        [
            Keys(target.PredictedLabel!, SchemaShape.Column.VectorKind.Scalar, label),
            Scores(target.Score, SchemaShape.Column.VectorKind.Vector, OfEachClass(label)),
        ];
    }

    private sealed class OneNumber : LabelKind
    {
        public override string Name => "number";

        public override string Expected => "Single, which Transforms.Conversion.ConvertType makes of other numbers";

        public override bool Accepts(SchemaShape.Column column) =>
            column.Kind == SchemaShape.Column.VectorKind.Scalar && !column.IsKey && column.ItemType == NumberDataViewType.Single;

        public override IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label) =>
            [Scores(target.Score, SchemaShape.Column.VectorKind.Scalar, AnnotationUtils.GetTrainerOutputAnnotation())];
    }

    private sealed class SeveralClasses : LabelKind
    {
        public override string Name => "classes";

        public override string Expected => "Vector<Key<UInt32>>, which Transforms.Conversion.MapValueToKey makes of a vector of texts";

        public override bool Accepts(SchemaShape.Column column) => column.Kind != SchemaShape.Column.VectorKind.Scalar && IsKey(column);

        public override IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label) =>
        [
            Keys(target.PredictedLabel!, SchemaShape.Column.VectorKind.VariableVector, label),
            Scores(target.Score, SchemaShape.Column.VectorKind.Vector, OfEachClass(label)),
        ];
    }

    private sealed class TagOfEachWord : LabelKind
    {
        public override string Name => "tags";

        public override string Expected => "Vector<Key<UInt32>>, one key for each word, which Transforms.Conversion.MapValueToKey makes of a vector of texts";

        public override int FewestClasses => 1; // words without a key are of another

        public override bool Accepts(SchemaShape.Column column) => column.Kind != SchemaShape.Column.VectorKind.Scalar && IsKey(column);

        public override IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label) =>
        [
            Keys(target.PredictedLabel!, SchemaShape.Column.VectorKind.VariableVector, label),
            Scores(target.Score, SchemaShape.Column.VectorKind.VariableVector, []),
            .. target.Spans is null
                ? Array.Empty<SchemaShape.Column>()
                :
                [
                    Vector(target.Spans + TargetColumns.StartSuffix, NumberDataViewType.Int32), Vector(target.Spans + TargetColumns.LengthSuffix, NumberDataViewType.Int32),
                    Vector(target.Spans + TargetColumns.TypeSuffix, TextDataViewType.Instance), Vector(target.Spans + TargetColumns.ScoreSuffix, NumberDataViewType.Single),
                ],
        ];

        private static SchemaShape.Column Vector(string name, DataViewType type) => new(name, SchemaShape.Column.VectorKind.VariableVector, type, isKey: false);
    }

    private sealed class PartOfText : LabelKind
    {
        public override string Name => "answer";

        public override string Expected => "String";

        public override bool Accepts(SchemaShape.Column column) =>
            column.Kind == SchemaShape.Column.VectorKind.Scalar && column.ItemType == TextDataViewType.Instance;

        public override IEnumerable<SchemaShape.Column> Outputs(TargetColumns target, SchemaShape.Column label) =>
        [
            new(target.PredictedLabel!, SchemaShape.Column.VectorKind.VariableVector, TextDataViewType.Instance, isKey: false),
            Scores(target.Score, SchemaShape.Column.VectorKind.VariableVector, AnnotationUtils.GetTrainerOutputAnnotation()),
        ];
    }
}
