namespace TextClassificationSample;

/// <summary>Runs the code of docs/own-models.md on a few rows.</summary>
/// <param name="DataPath">A file laid out like the shipped review sentences.</param>
internal sealed record OwnModelCommand(string DataPath);
