namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>What a hub announces about a file before it is downloaded.</summary>
/// <param name="Commit">Commit that the file is part of.</param>
/// <param name="Name">Path of the file in the repository.</param>
/// <param name="Hash">Hash of the content: SHA-256 (64 digits) or git's hash of a blob (40 digits).</param>
/// <param name="Size">Number of bytes.</param>
internal sealed record HubRemoteFile(string Commit, string Name, string Hash, long Size);
