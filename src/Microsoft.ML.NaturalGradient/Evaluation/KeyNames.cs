using System.Globalization;
using System.Reflection;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Evaluation;

/// <summary>What the keys of a column, or of the vectors in it, are called: their values as text, else their numbers.</summary>
internal sealed class KeyNames
{
    private readonly string[]? _names;

    private KeyNames(string column, int count, string[]? names)
    {
        (Column, Count, _names) = (column, count, names);
    }

    /// <summary>Name of the column.</summary>
    public string Column { get; }

    /// <summary>How many keys there are.</summary>
    public int Count { get; }

    /// <summary>Whether the column has values for its keys.</summary>
    public bool AreGiven => _names is not null;

    /// <summary>What a key is called.</summary>
    /// <param name="index">The key less one.</param>
    public string this[int index] => _names is null ? (index + 1).ToString(CultureInfo.InvariantCulture) : _names[index];

    /// <summary>Reads the names.</summary>
    /// <param name="column">A column of keys or of vectors of keys.</param>
    /// <returns>The names.</returns>
    /// <exception cref="InvalidOperationException">There are more keys than an array holds.</exception>
    public static KeyNames Read(DataViewSchema.Column column)
    {
        var count = ((KeyDataViewType)column.Type.GetItemType()).Count;
        if (count > (ulong)Array.MaxLength)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"The column '{column.Name}' has {count} different keys, too many to count each. Make its keys with MapValueToKey."));
        }

        var annotation = column.Annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.KeyValues);
        return new KeyNames(column.Name, (int)count, annotation?.Type is VectorDataViewType type && type.Size == (int)count ? Texts(column, AnnotationUtils.Kinds.KeyValues, type) : null);
    }

    /// <summary>Which slot of a score is that of which key: by the slots' names where these are the names of the keys, else in order.</summary>
    /// <param name="score">A column of vectors with as many slots as there are keys.</param>
    /// <param name="onlyEvidence">Whether nothing else shows that keys and scores are of the same classes.</param>
    /// <returns>For each slot the key less one, [C].</returns>
    /// <exception cref="InvalidOperationException">Nothing else shows it, and some slots are named like keys and others like none.</exception>
    public int[] OfSlots(DataViewSchema.Column score, bool onlyEvidence = false)
    {
        var places = Enumerable.Range(0, Count).ToArray();
        var annotation = score.Annotations.Schema.GetColumnOrNull(AnnotationUtils.Kinds.SlotNames);
        if (annotation?.Type is not VectorDataViewType type || type.Size != Count)
        {
            return places;
        }

        var index = Index();
        var slots = Texts(score, AnnotationUtils.Kinds.SlotNames, type);
        var found = Array.ConvertAll(slots, name => index.GetValueOrDefault(name, -1));
        var unknown = Array.IndexOf(found, -1);
        if (onlyEvidence && AreGiven && unknown >= 0 && Array.Exists(found, key => key >= 0))
        {
            throw new InvalidOperationException(
                $"The column '{score.Name}' has the class '{slots[unknown]}', which the column '{Column}' does not have. Make the keys with the fitted MapValueToKey of the training.");
        }

        return found.Order().SequenceEqual(places) ? found : places;
    }

    /// <summary>Which key of this column means the same as each key of another.</summary>
    /// <param name="other">The keys of the other column.</param>
    /// <returns>For each key of the other column the key of this one, both less one.</returns>
    /// <exception cref="InvalidOperationException">The other column has a key that this one lacks.</exception>
    public int[] Find(KeyNames other)
    {
        if (AreGiven != other.AreGiven)
        {
            var (named, unnamed) = AreGiven ? (this, other) : (other, this);
            throw new InvalidOperationException(
                $"The keys of the column '{named.Column}' have values and those of '{unnamed.Column}' have none, so they cannot be compared. Make the keys of both with the same fitted MapValueToKey.");
        }

        var most = Math.Min(Count + 1, other.Count); // one more than this has must have one that it lacks
        var index = Index();
        var places = Enumerable.Range(0, most).Select(key => index.GetValueOrDefault(other[key], -1)).ToArray();
        var missing = Array.IndexOf(places, -1);
        return missing < 0 && most == other.Count
            ? places
            : throw new InvalidOperationException(
                $"The column '{other.Column}' has the class '{other[Math.Max(missing, 0)]}', which the column '{Column}' does not have. Make the keys of both with the same fitted MapValueToKey.");
    }

    private Dictionary<string, int> Index()
    {
        var index = new Dictionary<string, int>(Count, StringComparer.Ordinal);
        for (var key = 0; key < Count; key++)
        {
            index.TryAdd(this[key], key);
        }

        return index;
    }

    private static string[] Texts(DataViewSchema.Column column, string annotation, VectorDataViewType type) => (string[])typeof(KeyNames)
        .GetMethod(nameof(ReadTexts), BindingFlags.NonPublic | BindingFlags.Static)!
        .MakeGenericMethod(type.ItemType.RawType).Invoke(null, [column, annotation])!;

    private static string[] ReadTexts<T>(DataViewSchema.Column column, string annotation)
    {
        var values = default(VBuffer<T>);
        column.Annotations.GetValue(annotation, ref values);
        return [.. values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")];
    }
}
