namespace TextClassificationSample;

/// <summary>Runs the example of the project's README.</summary>
/// <param name="DataPath">A file laid out like the shipped review sentences.</param>
internal sealed record QuickstartCommand(string DataPath);
