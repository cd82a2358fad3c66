using CsCheck;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

/// <summary>Data views with keys and scores as trainers write them, from numbers.</summary>
internal static class EvaluationData
{
    public static readonly MLContext Context = new(seed: 1);

    /// <summary>Draws one of some texts.</summary>
    public static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(place => texts[place]);

    /// <summary>Rows of keys; a key of 0 is missing.</summary>
    public static IDataView Rows<T>(IEnumerable<T> rows, Action<SchemaDefinition> define)
        where T : class
    {
        var schema = SchemaDefinition.Create(typeof(T));
        define(schema);
        return Context.Data.LoadFromEnumerable(rows, schema);
    }

    /// <summary>Makes a column one of vectors of keys, which may have values.</summary>
    public static void HasKeys(this SchemaDefinition schema, string column, int count, params string[] values) =>
        Define(schema[column], new VectorDataViewType(new KeyDataViewType(typeof(uint), count)), AnnotationKind.KeyValues, values);

    /// <summary>Makes a column one of keys.</summary>
    public static void HasKey(this SchemaDefinition schema, string column, int count, params string[] values) =>
        Define(schema[column], new KeyDataViewType(typeof(uint), count), AnnotationKind.KeyValues, values);

    /// <summary>Makes a column one of scores.</summary>
    public static void HasScores(this SchemaDefinition schema, string column, int count, params string[] slots) =>
        Define(schema[column], new VectorDataViewType(NumberDataViewType.Single, count), AnnotationKind.SlotNames, slots);

    private static void Define(SchemaDefinition.Column column, DataViewType type, string kind, string[] names)
    {
        column.ColumnType = type;
        if (names.Length > 0)
        {
            var values = new VBuffer<ReadOnlyMemory<char>>(names.Length, [.. names.Select(name => name.AsMemory())]);
            column.AddAnnotation(kind, values, new VectorDataViewType(TextDataViewType.Instance, names.Length));
        }
    }

    private static class AnnotationKind
    {
        public const string KeyValues = "KeyValues";
        public const string SlotNames = "SlotNames";
    }
}
