namespace ReplicationSample;

/// <summary>Quality of a method's direction over the batches of a measurement.</summary>
/// <param name="Method">The method.</param>
/// <param name="Damping">Its damping; null where it has none.</param>
/// <param name="Gamma">Mean γ.</param>
/// <param name="RatioToSgd">Mean γ ÷ mean γ of SGD.</param>
/// <param name="Batches">Batches on which γ is defined.</param>
/// <param name="BatchRatios">γ ÷ γ of SGD of each batch.</param>
internal sealed record DirectionResult(
    string Method, double? Damping, double Gamma, double RatioToSgd, int Batches, IReadOnlyList<double> BatchRatios);
