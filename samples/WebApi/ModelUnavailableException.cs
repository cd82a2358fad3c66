namespace WebApiSample;

/// <summary>The request cannot be answered now, but perhaps later: status 503.</summary>
internal sealed class ModelUnavailableException(string message) : Exception(message);
