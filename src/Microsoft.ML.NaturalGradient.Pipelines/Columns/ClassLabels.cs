using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.Data.IO;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>The classes of a label column: how many there are and what they are called, in the label's own type.</summary>
internal abstract class ClassLabels
{
    private const int Most = 10_000_000; // each takes memory before the weights show how many there are

    private protected ClassLabels(IReadOnlyList<string> names)
    {
        Names = names;
    }

    /// <summary>Names as text, [C]; the keys' numbers where the label has no names.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Classes C.</summary>
    public int Count => Names.Count;

    /// <summary>Reads the classes of a label column.</summary>
    /// <param name="column">A column of a key type, or of vectors of keys.</param>
    /// <param name="fewest">Fewest classes.</param>
    /// <returns>The classes.</returns>
    /// <exception cref="InvalidOperationException">There are fewer classes, or more than a model can have.</exception>
    public static ClassLabels Read(DataViewSchema.Column column, int fewest = 2)
    {
        var count = ((KeyDataViewType)column.Type.GetItemType()).Count;
        if (count > Most) // hashes, or keys whose number was never given
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The keys of the label column '{column.Name}' are numbers up to {count}, and each would be a class. Make its keys with MapValueToKey, which numbers the values that occur, or give the number of keys where the column is declared."));
        }

        var annotation = column.Annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.KeyValues);
        if (count < (ulong)fewest)
        {
            throw new InvalidOperationException(
                (annotation is null
                    ? $"The label column '{column.Name}' has one key, which has no value: MapValueToKey makes such a column where no row has a label, or where there are no rows. "
                    : $"The label column '{column.Name}' has 1 class. ")
                + "Use a label with at least two different values.");
        }

        return annotation?.Type is VectorDataViewType type && type.Size == (int)count
            ? Create(type.ItemType.RawType, nameof(ReadValues), column, type)
            : new Unnamed((int)count);
    }

    /// <summary>Classes with names that are texts, as <c>MapValueToKey</c> makes them of texts.</summary>
    /// <param name="names">The names.</param>
    public static ClassLabels Of(IReadOnlyList<string> names) => new Named<ReadOnlyMemory<char>>(
        new VectorDataViewType(TextDataViewType.Instance, names.Count), new VBuffer<ReadOnlyMemory<char>>(names.Count, [.. names.Select(name => name.AsMemory())]));

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="host">The host.</param>
    /// <param name="reader">The model stream.</param>
    /// <param name="fewest">Fewest classes.</param>
    /// <returns>The classes.</returns>
    /// <exception cref="FormatException">The stream is damaged.</exception>
    public static ClassLabels Load(IHost host, BinaryReader reader, int fewest = 2)
    {
        var count = reader.ReadInt32();
        if (count < fewest || count > Most)
        {
            throw Damaged(host);
        }

        if (!reader.ReadBoolean())
        {
            return new Unnamed(count);
        }

        if (!SavedVector.IsLegal(reader, count))
        {
            throw Damaged(host);
        }

        var saver = new BinarySaver(host, new BinarySaver.Arguments());
        return saver.TryLoadTypeAndValue(reader.BaseStream, out var type, out var value)
            && type is VectorDataViewType vector && vector.Size == count
                ? Create(vector.ItemType.RawType, nameof(FromBoxed), value, vector)
                : throw Damaged(host);
    }

    /// <summary>Writes the classes.</summary>
    /// <param name="host">The host.</param>
    /// <param name="writer">The model stream.</param>
    public abstract void Save(IHost host, BinaryWriter writer);

    /// <summary>Adds the classes' values, in the label's own type, to a column's annotations; nothing where the label has no names.</summary>
    /// <param name="builder">The annotations; changed.</param>
    /// <param name="kind">Name of the annotation.</param>
    public abstract void Annotate(DataViewSchema.Annotations.Builder builder, string kind);

    /// <summary>Whether another label column has the same classes in the same order.</summary>
    /// <param name="other">The other column's classes.</param>
    /// <returns>Whether key i means the same class in both.</returns>
    public bool Matches(ClassLabels other) => Names.SequenceEqual(other.Names);

    private static FormatException Damaged(IHost host) => host.Process(new FormatException(
        "The class names in the saved model cannot be read. The file is damaged; save the model again."));

    private static ClassLabels Create(Type item, string method, params object[] arguments) => (ClassLabels)typeof(ClassLabels)
        .GetMethod(method, System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!
        .MakeGenericMethod(item).Invoke(null, arguments)!;

    private static Named<T> ReadValues<T>(DataViewSchema.Column column, VectorDataViewType type)
    {
        var values = default(VBuffer<T>);
        column.Annotations.GetValue(AnnotationUtils.Kinds.KeyValues, ref values);
        return new Named<T>(type, values);
    }

    private static Named<T> FromBoxed<T>(object value, VectorDataViewType type) => new(type, (VBuffer<T>)value);

    private sealed class Unnamed(int count)
        : ClassLabels([.. Enumerable.Range(1, count).Select(key => key.ToString(CultureInfo.InvariantCulture))])
    {
        public override void Save(IHost host, BinaryWriter writer)
        {
            writer.Write(Count);
            writer.Write(false);
        }

        public override void Annotate(DataViewSchema.Annotations.Builder builder, string kind)
        {
        }
    }

    private sealed class Named<T>(VectorDataViewType type, VBuffer<T> values)
        : ClassLabels([.. values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")])
    {
        public override void Save(IHost host, BinaryWriter writer)
        {
            writer.Write(Count);
            writer.Write(true);
            writer.Flush();
            var copy = values;
            if (!new BinarySaver(host, new BinarySaver.Arguments()).TryWriteTypeAndValue(writer.BaseStream, type, ref copy, out _))
            {
                throw host.ExceptNotSupp($"A label with values of type {type.ItemType} cannot be saved. Make the label a text or a number.");
            }
        }

        public override void Annotate(DataViewSchema.Annotations.Builder builder, string kind) =>
            builder.Add(kind, type, (ref VBuffer<T> destination) => values.CopyTo(ref destination));
    }
}
