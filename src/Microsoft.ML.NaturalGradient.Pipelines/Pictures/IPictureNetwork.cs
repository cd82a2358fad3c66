using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A network that makes predictions of pictures, whatever computes it. Several threads may use it at once.</summary>
internal interface IPictureNetwork
{
    /// <summary>Throws if the network is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is.</exception>
    void ThrowIfDisposed();

    /// <summary>Computes the predictions of one batch.</summary>
    /// <param name="pictures">N prepared pictures, at least one, of the network's size.</param>
    /// <returns>N arrays of K predictions.</returns>
    /// <exception cref="InvalidOperationException">Predictions are not finite.</exception>
    /// <exception cref="ObjectDisposedException">The network is disposed.</exception>
    float[][] Predict(IReadOnlyList<RgbImage> pictures);
}
