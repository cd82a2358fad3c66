namespace Samples;

/// <summary>The command line, or a file it names, is not what the sample can work with.</summary>
internal sealed class UsageException(string message) : Exception(message);
