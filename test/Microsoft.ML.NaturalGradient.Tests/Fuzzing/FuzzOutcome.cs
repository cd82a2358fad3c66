namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>What came of a damaged file.</summary>
internal enum FuzzOutcome
{
    /// <summary>It is read as the undamaged one.</summary>
    Same,

    /// <summary>It is read as something else.</summary>
    Different,

    /// <summary>It is refused with one of the errors that the documentation names.</summary>
    Refused,
}
