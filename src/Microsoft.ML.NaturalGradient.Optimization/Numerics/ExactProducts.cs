namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Has layers that make products of rounded numbers make them of full ones on this thread: rounding hides what a small move of parameters does.</summary>
internal sealed class ExactProducts : IDisposable
{
    [ThreadStatic]
    private static ExactProducts? _current;

    private readonly ExactProducts? _previous;

    private ExactProducts()
    {
        _previous = _current;
        _current = this;
    }

    /// <summary>Whether a layer that rounds would have done so since <see cref="Begin"/>, so that results differ from those before.</summary>
    public bool ReplaceOthers { get; private set; }

    /// <summary>Begins them.</summary>
    /// <returns>Ends them when disposed.</returns>
    public static ExactProducts Begin() => new();

    /// <summary>Asked by a layer that rounds.</summary>
    /// <returns>Whether it must not.</returns>
    public static bool AreWanted()
    {
        if (_current is not { } current)
        {
            return false;
        }

        current.ReplaceOthers = true;
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _current = _previous;
}
