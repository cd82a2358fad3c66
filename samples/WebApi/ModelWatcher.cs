namespace WebApiSample;

/// <summary>Loads a model and looks at its file from time to time: a new one takes the place of the old one without a pause.</summary>
/// <remarks>
/// The file is polled, which works on network drives and in containers too. It is read once it has stayed the same from one look to the next, so that a file
/// that is still being copied is left alone. A file that cannot be loaded is reported, and the old model goes on.
/// </remarks>
internal sealed class ModelWatcher<TInput>(ModelServer<TInput> server, ModelOptions options, TInput example, ServiceMetrics metrics, ILogger<ModelWatcher<TInput>> logger)
    : BackgroundService
    where TInput : class
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(options.WatchMilliseconds));
        var seen = FileStamp.Of(options.Path);
        Load(seen);
        var tried = seen;
        do
        {
            var now = FileStamp.Of(options.Path);
            if (now != tried && now == seen)
            {
                tried = now;
                Load(now);
            }

            seen = now;
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private void Load(FileStamp? file)
    {
        if (file is null)
        {
            logger.LogWarning("There is no file {Path}. What was loaded from it before, if anything, goes on.", options.Path);
            return;
        }

        try
        {
            server.Install(LoadedModel<TInput>.Load(options.Path, example));
            metrics.Swapped(server.Name, "loaded");
            logger.LogInformation("Model {Model}, version {Version}: loaded from {Path}.", server.Name, server.Version, options.Path);
        }
        catch (Exception exception) // a file can be broken in any way
        {
            metrics.Swapped(server.Name, "refused");
            logger.LogError(exception, "The file {Path} cannot be served. What was loaded from it before, if anything, goes on.", options.Path);
        }
    }

    /// <summary>What tells that a file was replaced.</summary>
    private sealed record FileStamp(DateTime Written, long Length)
    {
        public static FileStamp? Of(string path)
        {
            var file = new FileInfo(path);
            return file.Exists ? new FileStamp(file.LastWriteTimeUtc, file.Length) : null;
        }
    }
}
