using System.Net;
using System.Net.Http.Headers;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>What the answers of a hub mean, in words for users. Messages hold no token and no query of an address, which may be a secret.</summary>
/// <param name="settings">Which hub.</param>
/// <param name="name">Which model.</param>
internal sealed class HubErrors(HubSettings settings, HubName name)
{
    private const string CodeHeader = "X-Error-Code"; // the hub's own, more exact than the status

    /// <summary>The error for an answer that is no success.</summary>
    /// <param name="response">The answer.</param>
    /// <param name="what">What was asked for.</param>
    public Exception Of(HttpResponseMessage response, string what)
    {
        var host = response.RequestMessage!.RequestUri!.Authority;
        var status = $"{(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd();
        return response.StatusCode switch
        {
            HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError =>
                new HubUnreachableException($"{host} answered {status} when asked for {what}.", null, Pause(response.Headers.RetryAfter)),
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when settings.IsOwn(response.RequestMessage.RequestUri) =>
                NoAccess(status, CodeOf(response)),
            HttpStatusCode.NotFound => new FileNotFoundException(
                $"{host} does not have {what} ({status}), although the hub lists it. Try another revision."),
            HttpStatusCode.ProxyAuthenticationRequired => new IOException(
                $"The proxy asks for a login ({status}). Set HTTPS_PROXY to http://user:password@host:port."),
            _ => new IOException($"{host} answered {status} when asked for {what}. Check HF_ENDPOINT and the proxy."),
        };
    }

    /// <summary>What was not found, by an answer 404 about a revision; null if the answer does not say.</summary>
    public FileNotFoundException? NotFound(HttpResponseMessage response) => CodeOf(response) switch
    {
        "RepoNotFound" => NoRepository(),
        "RevisionNotFound" => NoRevision(),
        _ => null,
    };

    /// <summary>The error for a model that does not exist.</summary>
    public FileNotFoundException NoRepository() => new(
        $"There is no model '{name.Id}' at {settings.Endpoint}. Check the name, which is 'organisation/model' in the address of its page.");

    /// <summary>The error for a revision that does not exist.</summary>
    public FileNotFoundException NoRevision() => new(
        $"The model '{name.Id}' at {settings.Endpoint} has no revision '{name.Revision}'. Give a branch, a tag or a commit that its page lists.");

    /// <summary>The error for a server that gives no answer.</summary>
    public static HubUnreachableException NoAnswer(Uri address, string what, Exception? cause = null) => new(
        $"{address.Authority} gave no answer: {what.TrimEnd('.')}. Check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT.", cause);

    private static string? CodeOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues(CodeHeader, out var codes) ? codes.FirstOrDefault() : null;

    private InvalidOperationException NoAccess(string status, string? code)
    {
        var hub = settings.Endpoint.ToString().TrimEnd('/');
        var why = code switch
        {
            "GatedRepo" => $"It is gated: accept its terms at {hub}/{name.Id}.",
            "RepoNotFound" => "It does not exist or is private: check the name.",
            _ => $"It is private or gated, or it does not exist: check the name and accept its terms, if any, at {hub}/{name.Id}.",
        };
        var token = settings.Token is null
            ? $"No token was sent: create one that may read at {hub}/settings/tokens, and set the environment variable HF_TOKEN to it or "
                + $"write it into '{settings.TokenFile}'."
            : $"The token that was sent does not allow it: check HF_TOKEN and '{settings.TokenFile}' against {hub}/settings/tokens.";
        return new InvalidOperationException($"{hub} does not give access to the model '{name.Id}' ({status}). {why} {token}");
    }

    private TimeSpan? Pause(RetryConditionHeaderValue? header) => header?.Delta ?? (header?.Date - settings.Time.GetUtcNow());
}
