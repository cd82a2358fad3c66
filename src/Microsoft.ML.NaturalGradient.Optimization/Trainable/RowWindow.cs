using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Which rows of a batch this thread's forward pass is of, so that what is drawn for a row does not depend on how the batch is divided.</summary>
internal sealed class RowWindow : IDisposable
{
    [ThreadStatic]
    private static RowWindow? _current;

    private readonly RowWindow? _previous;
    private readonly long _start;
    private readonly long _count;
    private readonly long _total;

    private RowWindow(long start, long count, long total)
    {
        (_start, _count, _total, _previous) = (start, count, total, _current);
        _current = this;
    }

    /// <summary>Begins a forward pass over some rows; disposing the result ends it.</summary>
    /// <param name="start">The first row.</param>
    /// <param name="count">Rows of the pass, at least 1.</param>
    /// <param name="total">Rows of the batch.</param>
    public static RowWindow Enter(long start, long count, long total) => new(start, count, total);

    /// <summary>Begins a part of a forward pass over what all rows share, for which one draw is made, however many copies of it there are; disposing the result ends it.</summary>
    public static RowWindow Share() => new(0, 0, 0);

    /// <summary>Draws for all rows of the batch and gives what is of this pass.</summary>
    /// <param name="shape">Shape of what this pass needs, [n, ...] or [n·T, ...] with T positions of each row one after the other.</param>
    /// <param name="draw">Draws a tensor of a shape.</param>
    /// <returns>A tensor of that shape; in the caller's dispose scope.</returns>
    public static Tensor Draw(long[] shape, Func<long[], Tensor> draw)
    {
        if (_current is not { } window)
        {
            return draw(shape);
        }

        if (window._total == 0)
        {
            return draw([1, .. shape.AsSpan(1)]).expand(shape);
        }

        var positions = shape[0] / window._count;
        return draw([window._total * positions, .. shape.AsSpan(1)]).narrow(0, window._start * positions, shape[0]);
    }

    /// <inheritdoc/>
    public void Dispose() => _current = _previous;
}
