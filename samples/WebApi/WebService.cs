using System.Net;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using Samples;

namespace WebApiSample;

/// <summary>The web application: its services and endpoints.</summary>
internal static class WebService
{
    public const int LargestPicture = 5 * 1024 * 1024;
    public const int LargestText = 64 * 1024; // bytes of JSON

    /// <summary>Puts the application together.</summary>
    /// <param name="args">Settings from the command line.</param>
    public static WebApplication Create(params string[] args)
    {
        // Paths of models are those of the caller's folder; page and settings lie beside the program.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Limits.MaxRequestBodySize = LargestPicture);
        builder.Services.AddOpenApi();
        builder.Services.AddValidation();
        builder.Services.AddProblemDetails();
        builder.Services.AddExceptionHandler<PredictionExceptionHandler>();
        builder.Services.AddSingleton<ServiceMetrics>().AddSingleton<MetricsText>();
        builder.Services.AddHealthChecks().AddCheck<ReadyCheck>("models");
        AddModel(builder.Services, "Text", new ReviewModel.ModelInput { Text = "An example." });
        AddModel(builder.Services, "Picture", new PictureModel.ModelInput());

        var app = builder.Build();
        app.UseExceptionHandler();
        app.UseStatusCodePages();
        app.UseDefaultFiles();
        app.UseStaticFiles();
        app.MapOpenApi();
        app.MapHealthChecks("/health/live", new() { Predicate = _ => false }); // the process answers
        app.MapHealthChecks("/health/ready"); // the models are loaded, and the service is not stopping
        app.MapGet("/metrics", (MetricsText metrics) => metrics.ToString());
        app.MapGet("/models", (IEnumerable<IServedModel> models) => models.Select(model => new { model.Name, model.Version, model.ClassNames }));
        app.MapPost("/predict/text", PredictTextAsync)
            .WithMetadata(new SizeLimit(LargestText))
            .WithSummary("Classifies a text.")
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        app.MapPost("/predict/picture", PredictPictureAsync)
            .Accepts<Stream>("image/png", "image/jpeg", "image/webp", "image/bmp", "image/gif")
            .WithSummary("Classifies a picture: the bytes of its file are the body.")
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable);
        _ = app.Services.GetRequiredService<MetricsText>(); // counts from the start
        return app;
    }

    /// <summary>Checks what the service would find out when it starts, which may be after minutes of training.</summary>
    /// <exception cref="UsageException">A setting is no number, out of its range, or no address.</exception>
    public static void CheckSettings(WebApplication app)
    {
        try
        {
            app.Services.GetRequiredService<IStartupValidator>().Validate();
            foreach (var address in app.Configuration[WebHostDefaults.ServerUrlsKey]?.Split(';', StringSplitOptions.RemoveEmptyEntries) ?? [])
            {
                if (BindingAddress.Parse(address).Port > IPEndPoint.MaxPort)
                {
                    throw new FormatException($"Invalid port: '{address}'");
                }
            }
        }
        catch (Exception exception) when (exception is OptionsValidationException or InvalidOperationException or FormatException)
        {
            throw new UsageException(exception.Message);
        }
    }

    private static Task<Prediction> PredictTextAsync(TextRequest request, ModelServer<ReviewModel.ModelInput> model, CancellationToken cancellationToken) =>
        model.PredictAsync(new ReviewModel.ModelInput { Text = request.Text }, cancellationToken);

    private static async Task<Prediction> PredictPictureAsync(Stream body, ModelServer<PictureModel.ModelInput> model, CancellationToken cancellationToken)
    {
        using var bytes = new MemoryStream();
        await body.CopyToAsync(bytes, cancellationToken);
        return await model.PredictAsync(new PictureModel.ModelInput { ImageSource = bytes.ToArray() }, cancellationToken);
    }

    private static void AddModel<TInput>(IServiceCollection services, string name, TInput example)
        where TInput : class
    {
        services.AddOptions<ModelOptions>(name).BindConfiguration($"Models:{name}").ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ModelServer<TInput>>(provider, name, Options(provider)));
        services.AddSingleton<IServedModel>(provider => provider.GetRequiredService<ModelServer<TInput>>());
        services.AddHostedService(provider => provider.GetRequiredService<ModelServer<TInput>>());
        services.AddHostedService(provider => ActivatorUtilities.CreateInstance<ModelWatcher<TInput>>(
            provider, provider.GetRequiredService<ModelServer<TInput>>(), Options(provider), example));

        ModelOptions Options(IServiceProvider provider) => provider.GetRequiredService<IOptionsMonitor<ModelOptions>>().Get(name);
    }

    /// <summary>Whether requests can be answered.</summary>
    private sealed class ReadyCheck(IEnumerable<IServedModel> models, IHostApplicationLifetime lifetime) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var missing = string.Join(", ", models.Where(model => model.ClassNames is null).Select(model => model.Name));
            return Task.FromResult(
                lifetime.ApplicationStopping.IsCancellationRequested ? HealthCheckResult.Unhealthy("The service stops.")
                : missing.Length > 0 ? HealthCheckResult.Unhealthy($"Not loaded: {missing}.")
                : HealthCheckResult.Healthy());
        }
    }

    /// <summary>Most bytes of a request's body.</summary>
    private sealed record SizeLimit(long? MaxRequestBodySize) : Microsoft.AspNetCore.Http.Metadata.IRequestSizeLimitMetadata;
}
