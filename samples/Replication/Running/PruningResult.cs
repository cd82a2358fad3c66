namespace ReplicationSample;

/// <summary>A pruned network.</summary>
/// <param name="Method">How it was pruned.</param>
/// <param name="Sparsity">Fraction of the weights that was removed.</param>
/// <param name="ValidationLoss">Mean loss on the validation rows.</param>
/// <param name="ValidationAccuracy">Accuracy on the validation rows.</param>
internal sealed record PruningResult(string Method, double Sparsity, double ValidationLoss, double ValidationAccuracy);
