using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Traffic;

/// <summary>A trained parameter, as far as the traffic of several processes depends on it.</summary>
/// <param name="Numbers">Its entries P.</param>
/// <param name="SourceBytes">Bytes, for each row, of what its layer reads and of the errors of what it gives; null where they are never less than P numbers.</param>
internal sealed record LayerShape(long Numbers, double? SourceBytes)
{
    /// <summary>Bytes of a number in float32.</summary>
    public const int NumberBytes = sizeof(float);

    /// <summary>The weight [O, I] of a linear layer that sees T positions of a row: T(I + O) numbers.</summary>
    public static LayerShape Linear(long inputs, long outputs, long positions) => new(inputs * outputs, (double)positions * (inputs + outputs) * NumberBytes);

    /// <summary>A table [V, D] of which T entries of a row are read: T ids of 64 bits, and T·D numbers.</summary>
    public static LayerShape Table(long entries, long width, long positions) => new(entries * width, (double)positions * ((width * NumberBytes) + sizeof(long)));

    /// <summary>A bias, scale or other vector.</summary>
    public static LayerShape Vector(long numbers) => new(numbers, null);

    /// <summary>Reads shapes off a trained network.</summary>
    /// <param name="parameters">Its trained parameters, with their names.</param>
    /// <param name="positions">Positions T of a row; a patch counts as one.</param>
    public static IReadOnlyList<LayerShape> Of(IEnumerable<(string Name, Parameter Value)> parameters, long positions) => [.. parameters.Select(named => Of(named.Name, named.Value.shape, positions))];

    private static LayerShape Of(string name, long[] shape, long positions) => (name, shape) switch
    {
        (_, [var entries, var width]) when name.Contains("embeddings", StringComparison.Ordinal) => Table(entries, width, positions),
        (_, [var outputs, var inputs]) => Linear(inputs, outputs, name.Contains("head", StringComparison.Ordinal) || name.Contains("classifier", StringComparison.Ordinal) ? 1 : positions),
        (_, [var outputs, _, _, _]) => Linear(shape[1] * shape[2] * shape[3], outputs, positions - 1), // patches, as a linear layer
        _ => Vector(shape.Aggregate(1L, (product, length) => product * length)),
    };
}
