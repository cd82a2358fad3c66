namespace ReplicationSample;

/// <summary>A trained model on the validation rows.</summary>
/// <param name="ValidationLoss">Mean loss of a row.</param>
/// <param name="ValidationAccuracy">Fraction of rows predicted right.</param>
internal sealed record ReturnedResult(double ValidationLoss, double ValidationAccuracy);
