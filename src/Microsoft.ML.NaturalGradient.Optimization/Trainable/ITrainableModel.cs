using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A network whose trainable layers record themselves on the current gradient tape.</summary>
internal interface ITrainableModel
{
    /// <summary>The parameters to train, in a fixed order; owned by the model.</summary>
    IReadOnlyList<NamedParameter> TrainableParameters { get; }

    /// <summary>The only source of what a forward pass draws, such as dropout masks; null (the default) where it draws nothing. Owned by the model.</summary>
    Generator? Randomness => null;

    /// <summary>Switches between training, with dropout where there is any, and use.</summary>
    /// <param name="training">Whether the model is trained.</param>
    void SetTraining(bool training);

    /// <summary>Computes the logits of a batch.</summary>
    /// <param name="input">The batch; not modified.</param>
    /// <returns>Logits z, [N, C] (or [N, T, C]); in the caller's dispose scope, in the autograd graph unless grad mode is off.</returns>
    Tensor Forward(ModelInput input);

    /// <summary>Tells which samples are predicted right, where that is more than the largest logit at every label position.</summary>
    /// <param name="input">The batch.</param>
    /// <returns>[N], bool; owned by the caller. Null (the default) to let the objective tell.</returns>
    Tensor? FindCorrect(ModelInput input) => null;
}
