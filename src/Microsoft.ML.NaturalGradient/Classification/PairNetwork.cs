using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A network without its head: the vectors that the head would read, of length 1.</summary>
/// <param name="network">The network; stays the caller's.</param>
internal sealed class PairNetwork(AdaptedNetwork network) : ITrainableModel
{
    private const double SmallestSquaredLength = 1e-24;

    /// <inheritdoc/>
    public IReadOnlyList<NamedParameter> TrainableParameters => network.TrainableParameters;

    /// <inheritdoc/>
    public Generator? Randomness => network.Randomness;

    /// <inheritdoc/>
    public void SetTraining(bool training) => network.SetTraining(training);

    /// <inheritdoc/>
    public Tensor Forward(ModelInput input)
    {
        var vectors = network.FrozenOutput(input, network.Base.LayerCount + 1); // [N, D]
        return vectors.div(vectors.Square().sum(1, keepdim: true).AtLeast(SmallestSquaredLength).sqrt());
    }
}
