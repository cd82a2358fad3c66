namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Rules for the shapes of values.</summary>
internal static class OnnxShape
{
    /// <summary>The shape of a result whose operands are repeated along dimensions of one.</summary>
    /// <param name="left">A shape.</param>
    /// <param name="right">Another.</param>
    /// <exception cref="InvalidOperationException">They do not fit.</exception>
    public static IReadOnlyList<OnnxDimension> Broadcast(IReadOnlyList<OnnxDimension> left, IReadOnlyList<OnnxDimension> right)
    {
        var rank = Math.Max(left.Count, right.Count);
        var result = new OnnxDimension[rank];
        for (var i = 1; i <= rank; i++)
        {
            OnnxDimension first = i <= left.Count ? left[^i] : 1, second = i <= right.Count ? right[^i] : 1;
            result[^i] = first == second || second == 1 ? first
                : first == 1 ? second
                : throw new InvalidOperationException($"The shapes {Text(left)} and {Text(right)} do not fit.");
        }

        return result;
    }

    /// <summary>Turns a dimension's place that counts from the end into one that counts from the beginning.</summary>
    /// <param name="axis">The place.</param>
    /// <param name="rank">Number of dimensions.</param>
    /// <exception cref="InvalidOperationException">There is no such dimension.</exception>
    public static int Axis(int axis, int rank) => axis >= -rank && axis < rank
        ? (axis + rank) % rank
        : throw new InvalidOperationException($"There is no dimension {axis} among {rank}.");

    /// <summary>A shape with one dimension changed.</summary>
    /// <param name="shape">The shape; not modified.</param>
    /// <param name="axis">The place, from 0.</param>
    /// <param name="dimension">The new dimension.</param>
    public static OnnxDimension[] With(IReadOnlyList<OnnxDimension> shape, int axis, OnnxDimension dimension)
    {
        OnnxDimension[] result = [.. shape];
        result[axis] = dimension;
        return result;
    }

    /// <summary>A shape in messages.</summary>
    public static string Text(IEnumerable<OnnxDimension> shape) => $"[{string.Join(", ", shape)}]";

    /// <summary>Whether two shapes have the same number of elements, whatever the symbols will be.</summary>
    public static bool HaveSameCount(IEnumerable<OnnxDimension> left, IEnumerable<OnnxDimension> right)
    {
        var (first, second) = (Factors(left), Factors(right));
        return first.Number == second.Number && first.Symbols.SequenceEqual(second.Symbols);
    }

    private static (long Number, IEnumerable<string> Symbols) Factors(IEnumerable<OnnxDimension> shape)
    {
        var number = 1L;
        var symbols = new List<string>();
        foreach (var dimension in shape)
        {
            number *= dimension.IsKnown ? dimension.Value : dimension.Offset == 0 ? dimension.Factor : 1;
            if (!dimension.IsKnown)
            {
                symbols.Add(dimension.Offset == 0 ? dimension.Symbol! : dimension.ToString());
            }
        }

        return (number, symbols.Order(StringComparer.Ordinal));
    }
}
