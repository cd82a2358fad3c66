using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A network that makes predictions of token sequences, whatever computes it. Several threads may use it at once.</summary>
internal interface ITokenNetwork
{
    /// <summary>Throws if the network is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is.</exception>
    void ThrowIfDisposed();

    /// <summary>Computes the predictions of one batch.</summary>
    /// <param name="rows">N sequences, at least one, of any lengths.</param>
    /// <returns>N arrays of K or T·K predictions, with T tokens of the longest sequence.</returns>
    /// <exception cref="InvalidOperationException">Predictions are not finite.</exception>
    /// <exception cref="ObjectDisposedException">The network is disposed.</exception>
    float[][] Predict(TokenSequence[] rows);
}
