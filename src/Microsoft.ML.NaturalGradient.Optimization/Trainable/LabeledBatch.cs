using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A batch with its labels; owns both.</summary>
/// <param name="input">What the model reads.</param>
/// <param name="labels">Class indices, [N], or token ids, [N, T], int64; on the model's device.</param>
internal sealed class LabeledBatch(ModelInput input, Tensor labels) : IDisposable
{
    /// <summary>What the model reads.</summary>
    public ModelInput Input { get; } = input;

    /// <summary>Class indices, [N], or token ids, [N, T], int64.</summary>
    public Tensor Labels { get; } = labels;

    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        Labels.Dispose();
    }
}
