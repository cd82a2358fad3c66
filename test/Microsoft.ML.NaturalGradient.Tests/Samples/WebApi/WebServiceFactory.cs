using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.WebApi;

/// <summary>The web sample on a free port of this machine, with its own web server, so that its limits hold.</summary>
internal sealed class WebServiceFactory : WebApplicationFactory<Program>
{
    private const int MostTries = 20;

    private readonly (string Name, string Value)[] _settings;

    static WebServiceFactory()
    {
        // Page and settings are those beside this program; otherwise the factory looks for them in the source folders.
        Environment.SetEnvironmentVariable("ASPNETCORE_TEST_CONTENTROOT_WEBAPI", AppContext.BaseDirectory);
    }

    private WebServiceFactory((string Name, string Value)[] settings)
    {
        _settings = settings;
        UseKestrel(0);
    }

    /// <summary>Starts the service and waits until it has its models.</summary>
    public static async Task<WebServiceFactory> StartAsync(params (string Name, string Value)[] settings)
    {
        var factory = Start([("Models:Text:Path", ServedModels.First), ("Models:Picture:Path", ServedModels.Pictures), .. settings]);
        using var client = factory.CreateClient();
        while ((await client.GetAsync("/health/ready")).StatusCode != HttpStatusCode.OK)
        {
            await Task.Delay(20);
        }

        return factory;
    }

    /// <summary>Starts the service.</summary>
    public static WebServiceFactory Start(params (string Name, string Value)[] settings)
    {
        for (var tries = 1; ; tries++)
        {
            var factory = new WebServiceFactory(settings);
            try
            {
                factory.StartServer();
                return factory;
            }
            catch (ObjectDisposedException) when (tries < MostTries)
            {
                // A service that ends at its start may have freed its parts before the factory asked it why.
            }
        }
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        foreach (var (name, value) in _settings)
        {
            builder.UseSetting(name, value);
        }

        builder.UseSetting("Logging:LogLevel:Default", "None");
        builder.UseSetting("Models:Text:WatchMilliseconds", "20");
    }
}
