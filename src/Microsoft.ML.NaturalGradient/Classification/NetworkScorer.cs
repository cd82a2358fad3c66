namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network with what reads its rows. Several threads may use it at once.</summary>
/// <param name="model">The network; owned by this object from now on.</param>
internal abstract class NetworkScorer(TrainedNetwork model) : IDisposable
{
    /// <summary>The network with all but what reads its rows.</summary>
    public TrainedNetwork Model { get; } = model;

    /// <summary>What files for Python say about reading rows.</summary>
    public abstract ExportDetails Export { get; }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();
}
