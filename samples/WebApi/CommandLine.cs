using Samples;

namespace WebApiSample;

/// <summary>What the arguments ask for; what they cannot ask for is a <see cref="UsageException"/>.</summary>
/// <param name="IsLoad">Whether the service is measured, and not run.</param>
/// <param name="Quick">Whether models are trained on few rows.</param>
/// <param name="Onnx">Whether models are saved for ONNX Runtime.</param>
/// <param name="Requests">Requests of each measurement; null for the usual number.</param>
/// <param name="Clients">Clients at once; null for the usual number.</param>
/// <param name="Settings">Settings of the service, in the form that its configuration reads.</param>
internal sealed record CommandLine(bool IsLoad, bool Quick, bool Onnx, int? Requests, int? Clients, string[] Settings)
{
    public const string Usage = """
        Serves a text classifier and a picture classifier over HTTP, with a page to try them. Trains them first where there are none.

        Usage: ./build.sh sample-web [--quick] [--onnx] [--urls http://localhost:5080] [--Models:Text:Path FILE.zip] [--Models:Picture:Path FILE.zip]
               ./build.sh sample-web load [--quick] [--onnx] [--requests N] [--clients N] [--Models:Text:MaxBatchSize N] [--Models:Text:MaxWaitMilliseconds N]

          --quick       trains on few rows where there is no model: shows that everything works, not what it can do
          --onnx        trains where there is no model, and saves it for ONNX Runtime; either kind of file is served
          --requests N  requests of each measurement of load (default 2000, with --quick 200)
          --clients N   clients of load that ask at once (default 8)
          --help        this text

        Any setting of samples/WebApi/appsettings.json can be given as an option, those of a model as --Models:Text:NAME or --Models:Picture:NAME with the
        names Path, MaxBatchSize, MaxWaitMilliseconds, QueueLength and WatchMilliseconds. load measures the service on this machine while models are swapped,
        and compares every answer with the model's own; it takes the second to the fourth of Text.
        """;

    // Urls, Environment and others.
    private static readonly string[] HostSettings = [.. typeof(WebHostDefaults).GetFields().Select(field => (string)field.GetValue(null)!)];

    private static readonly string[] ModelSettings = [.. typeof(ModelOptions).GetProperties().Select(property => property.Name)];

    /// <summary>The command, or null when the arguments ask for help.</summary>
    public static CommandLine? Parse(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.AsksForHelp(arguments))
        {
            return null;
        }

        var isLoad = arguments.Contains("load");
        Func<string, bool> isSetting = isLoad ? IsSettingOfLoad : IsSetting;
        var options = new CommandOptions(arguments, Usage, takesInputs: isLoad, name => isLoad || name is not ("--requests" or "--clients"), isSetting);
        return options.Inputs.FirstOrDefault(input => input != "load") is { } unknown
            ? throw new UsageException($"There is no argument \"{unknown}\" here.")
            : new CommandLine(
                isLoad, options.Has("--quick"), options.Has("--onnx"), options.Count("--requests"), options.Count("--clients"),
                [.. options.Names.Where(isSetting).Select(name => $"{name}={options.Text(name)}")]);
    }

    // WebApplicationFactory of tests hands on all settings, and sections as settings without a value.
    private static bool IsSetting(string name) => name[2..].Split(':') switch
    {
        [var single] when Is(single, HostSettings) || Environment.GetEnvironmentVariable($"ASPNETCORE_{single}") is not null => true,
        [var models, .. var rest] when Is(models, "Models") => rest is [] || (Is(rest[0], "Text", "Picture") && (rest is [_] || (rest is [_, var setting] && Is(setting, ModelSettings)))),
        [var section, ..] => Is(section, "Logging", "Kestrel"),
        _ => false,
    };

    // It chooses files, addresses and what is logged.
    private static bool IsSettingOfLoad(string name) => name[2..].Split(':') is [var models, var model, var setting]
        && Is(models, "Models") && Is(model, "Text") && Is(setting, nameof(ModelOptions.MaxBatchSize), nameof(ModelOptions.MaxWaitMilliseconds), nameof(ModelOptions.QueueLength));

    private static bool Is(string name, params IEnumerable<string> names) => names.Contains(name, StringComparer.OrdinalIgnoreCase);
}
