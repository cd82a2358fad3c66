using System.Globalization;
using System.Net;
using System.Net.Http.Headers;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>Asks a hub about a model and for its files. Every request is one attempt; who repeats it is the caller.</summary>
/// <remarks>
/// Redirects are followed here and not by the HTTP library, so that the token is sent to the hub's own server and to no other, and so
/// that the headers with which a hub announces a file are seen before its storage server answers.
/// </remarks>
internal sealed class HubClient : IDisposable
{
    private const int MaxRedirects = 8;
    private const int MaxListingBytes = 32 << 20;

    private readonly HubSettings _settings;
    private readonly HubName _name;
    private readonly HubErrors _errors;
    private readonly HttpClient _http;
    private readonly string _endpoint;

    /// <summary>Opens no connection yet.</summary>
    public HubClient(HubSettings settings, HubName name)
    {
        _settings = settings;
        _name = name;
        _errors = new HubErrors(settings, name);
        _endpoint = settings.Endpoint.ToString().TrimEnd('/');
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = settings.NetworkTimeout,
            Proxy = settings.Proxy,
            UseProxy = settings.Proxy is not null,
        };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("Microsoft.ML.NaturalGradient");
        _http.DefaultRequestHeaders.AcceptEncoding.ParseAdd("identity"); // sizes and ranges count the file's own bytes
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    /// <summary>Asks which commit the revision is and which files it has.</summary>
    /// <exception cref="FileNotFoundException">There is no such model, or no such revision of it.</exception>
    public async Task<HubListing> ListAsync(CancellationToken cancellation)
    {
        var model = $"{_endpoint}/api/models/{_name.Id}";
        using var response = await SendAsync(HttpMethod.Get, $"{model}/revision/{Uri.EscapeDataString(_name.Revision)}", null, cancellation);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            throw _errors.NotFound(response) ?? await NotFoundAsync(model, cancellation);
        }
        if (!response.IsSuccessStatusCode)
        {
            throw _errors.Of(response, $"the model '{_name.Id}'");
        }
        return HubListing.Parse(await ReadAsync(response, cancellation), _name);
    }

    /// <summary>Asks for hash and size of a file.</summary>
    /// <exception cref="InvalidDataException">The hub announces no hash or no size, so that the file could not be verified.</exception>
    public async Task<HubRemoteFile> AskAsync(string commit, string file, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Head, AddressOf(commit, file), IsAnnounced, null, cancellation);
        if (!response.IsSuccessStatusCode && !IsAnnounced(response))
        {
            throw _errors.Of(response, file);
        }
        var hash = (Header(response, "X-Linked-ETag") ?? Header(response, "ETag") ?? "").Replace("W/", "", StringComparison.Ordinal).Trim('"');
        var size = Header(response, "X-Linked-Size") is { } text
            ? long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var linked) ? linked : null
            : response.IsSuccessStatusCode ? response.Content.Headers.ContentLength : null;
        return HubHash.IsHash(hash) && size is { } bytes
            ? new HubRemoteFile(commit, file, hash, bytes)
            : throw new InvalidDataException(
                $"{_settings.Endpoint.Authority} announces {file} of {_name} with the hash '{hash}' and the size '{size}', by which it "
                + "cannot be verified. Use another HF_ENDPOINT, or download the model by other means and use PretrainedModel.FromFolder.");
    }

    /// <summary>Asks for a file's bytes from an offset on; the answer may begin at 0 all the same.</summary>
    /// <returns>A successful answer whose content is not read yet, or 416; the caller disposes it.</returns>
    public async Task<HttpResponseMessage> DownloadAsync(HubRemoteFile file, long offset, CancellationToken cancellation)
    {
        var response = await SendAsync(HttpMethod.Get, AddressOf(file.Commit, file.Name), null, request =>
        {
            if (offset > 0)
            {
                request.Headers.Range = new RangeHeaderValue(offset, null);
                // A storage server has tags of its own; there, only the hash of the whole tells whether the parts fit.
                request.Headers.IfRange = _settings.IsOwn(request.RequestUri!) ? new RangeConditionHeaderValue($"\"{file.Hash}\"") : null;
            }
        }, cancellation);
        if (response.IsSuccessStatusCode || response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            return response;
        }
        using (response)
        {
            throw _errors.Of(response, file.Name);
        }
    }

    /// <summary>Runs a piece of network work; what ends it before its time becomes an error that may be retried.</summary>
    /// <param name="address">The server.</param>
    /// <param name="work">The work; its token ends when the server is silent for too long.</param>
    /// <param name="cancellation">Ends the work for good.</param>
    public async Task<T> WithinTimeoutAsync<T>(Uri address, Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        using var source = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        source.CancelAfter(_settings.NetworkTimeout);
        try
        {
            return await work(source.Token);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw HubErrors.NoAnswer(address, $"it was silent for {_settings.NetworkTimeout.TotalSeconds:F0} seconds", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw HubErrors.NoAnswer(address, e.GetBaseException().Message, e);
        }
    }

    private string AddressOf(string commit, string file) => $"{_endpoint}/{_name.Id}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}";

    private static bool IsAnnounced(HttpResponseMessage response) =>
        (int)response.StatusCode < 400 && Header(response, "X-Linked-ETag") is not null;

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out var values) && values.Count == 1 ? values.ToString().Trim() : null;

    private async Task<FileNotFoundException> NotFoundAsync(string model, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, model, null, cancellation);
        return response.IsSuccessStatusCode ? _errors.NoRevision() : _errors.NoRepository();
    }

    private Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string address, Action<HttpRequestMessage>? prepare, CancellationToken cancellation) =>
        SendAsync(method, address, null, prepare, cancellation);

    /// <summary>Sends a request and follows redirects until one of their answers is the last or is enough.</summary>
    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string first, Predicate<HttpResponseMessage>? isEnough, Action<HttpRequestMessage>? prepare, CancellationToken cancellation)
    {
        var address = new Uri(first);
        for (var redirects = 0; redirects <= MaxRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(method, address);
            if (_settings.Token is { } token && _settings.IsOwn(address))
            {
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            }
            prepare?.Invoke(request);
            var response = await WithinTimeoutAsync(
                address, limit => _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit), cancellation);
            if (response.StatusCode is not (HttpStatusCode.MovedPermanently or HttpStatusCode.Found or HttpStatusCode.SeeOther
                or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect) || isEnough?.Invoke(response) == true)
            {
                return response;
            }
            using (response)
            {
                address = Next(address, response.Headers.Location);
            }
        }
        throw new IOException($"{_settings.Endpoint.Authority} redirects more than {MaxRedirects} times. Check HF_ENDPOINT.");
    }

    private static Uri Next(Uri address, Uri? location)
    {
        var next = location is null ? null : new Uri(address, location);
        if (next is { Scheme: "https" } || (next is { Scheme: "http" } && address.Scheme == "http"))
        {
            return next;
        }
        var target = next is null ? "nowhere" : $"{next.Scheme}://{next.Authority}";
        throw new IOException($"{address.Authority} redirects to {target}, which is not followed. Check HF_ENDPOINT.");
    }

    private async Task<ReadOnlyMemory<byte>> ReadAsync(HttpResponseMessage response, CancellationToken cancellation)
    {
        var address = response.RequestMessage!.RequestUri!;
        using var content = await WithinTimeoutAsync(address, response.Content.ReadAsStreamAsync, cancellation);
        using var copy = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (true)
        {
            var count = await WithinTimeoutAsync(address, limit => content.ReadAsync(buffer, limit).AsTask(), cancellation);
            copy.Write(buffer, 0, count);
            if (count == 0)
            {
                return copy.ToArray();
            }
            if (copy.Length > MaxListingBytes)
            {
                throw new InvalidDataException(
                    $"{address.Authority} lists the files of {_name} in more than {MaxListingBytes} bytes. Check HF_ENDPOINT.");
            }
        }
    }
}
