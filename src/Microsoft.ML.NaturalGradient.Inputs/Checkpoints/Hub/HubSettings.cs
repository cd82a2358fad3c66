using System.Net;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>How to reach a hub and where its files are kept; the environment variables are those of Python's huggingface_hub.</summary>
/// <remarks>No record: its text would show the token.</remarks>
internal sealed class HubSettings
{
    private static readonly string[] TrueValues = ["1", "ON", "YES", "TRUE"];

    /// <summary>Address of the hub, without a slash at its end.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>Folder of all cached models.</summary>
    public required string CacheFolder { get; init; }

    /// <summary>Where a token may be kept, for error messages.</summary>
    public required string TokenFile { get; init; }

    /// <summary>Secret that lets private and gated models be read; null for none. Sent to <see cref="Endpoint"/> only.</summary>
    public string? Token { get; init; }

    /// <summary>Whether the network must not be used.</summary>
    public bool Offline { get; init; }

    /// <summary>The proxy; null for none.</summary>
    public IWebProxy? Proxy { get; init; } = HttpClient.DefaultProxy;

    /// <summary>Clock for pauses between attempts and between progress messages.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Numbers from 0 to 1 that spread the pauses of many clients; they decide nothing else.</summary>
    public Func<double> Jitter { get; init; } = Random.Shared.NextDouble;

    /// <summary>How long a server may be silent.</summary>
    public TimeSpan NetworkTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long another process may hold a file's lock while the file does not grow.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Whether to try symbolic links; without them files are copied.</summary>
    public bool SymbolicLinks { get; init; } = true;

    /// <summary>Reads the settings.</summary>
    /// <param name="variable">Value of an environment variable; null if it is not set.</param>
    /// <exception cref="InvalidOperationException">A variable has a value that makes no sense; the message names it.</exception>
    public static HubSettings FromEnvironment(Func<string, string?> variable)
    {
        string? Get(string name) => variable(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;
        var home = Expand(Get("HF_HOME") ?? Path.Combine(Get("XDG_CACHE_HOME") ?? Path.Combine("~", ".cache"), "huggingface"), Get);
        var cache = Get("HF_HUB_CACHE") ?? Get("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub");
        var tokenFile = Expand(Get("HF_TOKEN_PATH") ?? Path.Combine(home, "token"), Get);
        return new HubSettings
        {
            Endpoint = ParseEndpoint(Get("HF_ENDPOINT") ?? "https://huggingface.co"),
            CacheFolder = Expand(cache, Get),
            TokenFile = tokenFile,
            Token = CheckToken(Get("HF_TOKEN") ?? Get("HUGGING_FACE_HUB_TOKEN"), "HF_TOKEN") ?? ReadToken(tokenFile),
            Offline = TrueValues.Contains(Get("HF_HUB_OFFLINE") ?? Get("TRANSFORMERS_OFFLINE"), StringComparer.OrdinalIgnoreCase),
        };
    }

    /// <summary>Whether an address is on the hub's own server, so that it may see the token.</summary>
    public bool IsOwn(Uri address) => address.GetLeftPart(UriPartial.Authority) == Endpoint.GetLeftPart(UriPartial.Authority);

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
        && address.UserInfo.Length == 0 && address.Query.Length == 0 && address.Fragment.Length == 0
            ? address
            : throw new InvalidOperationException(
                $"The environment variable HF_ENDPOINT is '{text}'. Give the address of a hub, for example https://huggingface.co, or unset it.");

    private static string Expand(string path, Func<string, string?> get)
    {
        if (path != "~" && !path.StartsWith("~/", StringComparison.Ordinal) && !path.StartsWith("~\\", StringComparison.Ordinal))
        {
            return Path.GetFullPath(path);
        }
        var user = get(OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return user.Length > 0 ? Path.GetFullPath(Path.Join(user, path[1..])) : throw new InvalidOperationException(
            "This process has no home folder in which to keep downloaded models. Set the environment variable HF_HOME to a folder.");
    }

    private static string? ReadToken(string file) => File.Exists(file) ? CheckToken(File.ReadAllText(file).Trim(), $"'{file}'") : null;

    private static string? CheckToken(string? token, string source)
    {
        if (string.IsNullOrEmpty(token))
        {
            return null;
        }
        return token.All(letter => letter is > ' ' and <= '~') ? token : throw new InvalidOperationException(
            $"The token in {source} has a space, a line break or a letter that no token has. Copy it again.");
    }
}
