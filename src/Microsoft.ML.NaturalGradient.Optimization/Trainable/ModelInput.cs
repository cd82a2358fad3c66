namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>The padded tensors of one batch, in the form one kind of model reads (token ids, pixels).</summary>
internal abstract class ModelInput : IDisposable
{
    /// <summary>Samples N in the batch.</summary>
    public abstract int SampleCount { get; }

    /// <summary>Some of the samples, padded as all are.</summary>
    /// <param name="start">First sample.</param>
    /// <param name="count">Samples n, at least 1.</param>
    /// <returns>Views of this object's tensors, in the caller's dispose scope; not to be disposed otherwise.</returns>
    public abstract ModelInput Slice(long start, long count);

    /// <inheritdoc/>
    public abstract void Dispose();
}
