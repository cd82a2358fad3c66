namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>One dimension of a value: a number, or what a symbol will be when the graph runs, times a factor, plus an offset.</summary>
/// <param name="Symbol">Name of what is not known before; null for a number.</param>
/// <param name="Factor">What the symbol is multiplied by; 0 for a number.</param>
/// <param name="Offset">What is added, or the number.</param>
internal readonly record struct OnnxDimension(string? Symbol, long Factor, long Offset)
{
    /// <summary>A known dimension.</summary>
    public static implicit operator OnnxDimension(long value) => new(null, 0, value);

    /// <summary>A dimension that is known when the graph runs.</summary>
    public static implicit operator OnnxDimension(string symbol) => new(symbol, 1, 0);

    /// <summary>Whether it is a number.</summary>
    public bool IsKnown => Symbol is null;

    /// <summary>The number.</summary>
    /// <exception cref="InvalidOperationException">It is not known.</exception>
    public long Value => IsKnown ? Offset : throw new InvalidOperationException($"The dimension '{this}' is only known when the graph runs.");

    /// <summary>Adds two dimensions, of which one is known or both have the same symbol.</summary>
    /// <exception cref="InvalidOperationException">They have different symbols.</exception>
    public static OnnxDimension operator +(OnnxDimension left, OnnxDimension right)
    {
        if (left.Symbol is not null && right.Symbol is not null && left.Symbol != right.Symbol)
        {
            throw new InvalidOperationException($"The dimensions '{left}' and '{right}' cannot be added.");
        }

        var factor = left.Factor + right.Factor;
        return factor == 0 ? left.Offset + right.Offset : new OnnxDimension(left.Symbol ?? right.Symbol, factor, left.Offset + right.Offset);
    }

    /// <summary>Multiplies a dimension by a number.</summary>
    public static OnnxDimension operator *(OnnxDimension dimension, long factor) => dimension with
    {
        Factor = dimension.Factor * factor,
        Offset = dimension.Offset * factor,
    };

    /// <summary>As files name it: <c>768</c>, <c>tokens</c>, <c>4*batch</c> or <c>tokens + 20</c>.</summary>
    public override string ToString()
    {
        if (IsKnown)
        {
            return FormattableString.Invariant($"{Offset}");
        }

        var product = Factor == 1 ? Symbol! : FormattableString.Invariant($"{Factor}*{Symbol}");
        return Offset switch
        {
            0 => product,
            > 0 => FormattableString.Invariant($"{product} + {Offset}"),
            _ => FormattableString.Invariant($"{product} - {-Offset}"),
        };
    }
}
