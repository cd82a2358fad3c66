using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The element types of the safetensors format that TorchSharp can hold.</summary>
internal static class SafetensorsTypes
{
    /// <summary>By growing size; the reference implementation writes the last first.</summary>
    private static readonly (string Name, ScalarType Type)[] Known =
    [
        ("BOOL", ScalarType.Bool),
        ("U8", ScalarType.Byte),
        ("I8", ScalarType.Int8),
        ("I16", ScalarType.Int16),
        ("F16", ScalarType.Float16),
        ("BF16", ScalarType.BFloat16),
        ("I32", ScalarType.Int32),
        ("F32", ScalarType.Float32),
        ("F64", ScalarType.Float64),
        ("I64", ScalarType.Int64),
    ];

    /// <summary>All names, for error messages.</summary>
    public static string Names => string.Join(", ", Known.Select(known => known.Name));

    /// <summary>Finds a type by its name in a header, for example <c>F32</c>.</summary>
    public static ScalarType? Find(string name)
    {
        var index = Array.FindIndex(Known, known => known.Name == name);
        return index < 0 ? null : Known[index].Type;
    }

    /// <summary>Position of a type in the order of the format; −1 if files cannot hold it.</summary>
    public static int RankOf(ScalarType type) => Array.FindIndex(Known, known => known.Type == type);

    /// <summary>Name of a type in a header.</summary>
    public static string NameOf(ScalarType type) => Known[RankOf(type)].Name;
}
