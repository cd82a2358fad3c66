using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Batching;

/// <summary>The tensors of labels.</summary>
/// <param name="Type">Element type: int64 for classes, float64 for numbers.</param>
/// <param name="IsVector">Whether a row has several values, [N, L], shorter ones filled up with <see cref="RowLabel.Filling"/>, and not one, [N].</param>
internal readonly record struct LabelFormat(ScalarType Type, bool IsVector = false)
{
    /// <summary>One class for a row.</summary>
    public static LabelFormat Class { get; } = new(ScalarType.Int64);

    /// <summary>Makes the tensor of labels.</summary>
    /// <param name="labels">N labels.</param>
    /// <param name="device">Where it is made.</param>
    /// <returns>[N] or [N, L]; in the caller's dispose scope.</returns>
    public Tensor ToTensor(RowLabel[] labels, Device device)
    {
        if (!IsVector)
        {
            return tensor(Array.ConvertAll(labels, label => label.Value), Type, device);
        }

        var width = labels.Max(label => label.Values.Length);
        var values = new double[labels.Length * width];
        Array.Fill(values, RowLabel.Filling);
        for (var row = 0; row < labels.Length; row++)
        {
            labels[row].Values.CopyTo(values, row * width);
        }

        return tensor(values, [labels.Length, width], Type, device);
    }
}
