using Microsoft.ML.NaturalGradient.Training;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>An encoder with a classification head, as adapters see it.</summary>
internal interface IEncoderClassifier : ITrainableModel
{
    /// <summary>The encoder; owned by the classifier.</summary>
    Encoder Encoder { get; }
}
