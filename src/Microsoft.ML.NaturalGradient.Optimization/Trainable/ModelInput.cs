namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>The padded tensors of one batch, in the form one kind of model reads (token ids, pixels).</summary>
internal abstract class ModelInput : IDisposable
{
    /// <summary>Samples N in the batch.</summary>
    public abstract int SampleCount { get; }

    /// <inheritdoc/>
    public abstract void Dispose();
}
