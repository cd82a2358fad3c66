using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>A batch with its labels; owns its tensors.</summary>
/// <param name="input">What the model reads.</param>
/// <param name="labels">Class indices, [N], or token ids, [N, T], int64, or numbers, float64; on the model's device.</param>
/// <param name="weights">How often each row counts, [N], float64, greater than zero; null for one each.</param>
internal sealed class LabeledBatch(ModelInput input, Tensor labels, Tensor? weights = null) : IDisposable
{
    /// <summary>What the model reads.</summary>
    public ModelInput Input { get; } = input;

    /// <summary>Class indices, [N], or token ids, [N, T], int64, or numbers, float64.</summary>
    public Tensor Labels { get; } = labels;

    /// <summary>How often each row counts, [N], float64; null for one each.</summary>
    public Tensor? Weights { get; } = weights;

    /// <inheritdoc/>
    public void Dispose()
    {
        Input.Dispose();
        Labels.Dispose();
        Weights?.Dispose();
    }
}
