using System.ComponentModel.DataAnnotations;

namespace WebApiSample;

/// <summary>Settings of one served model: a section of <c>Models</c> in appsettings.json.</summary>
internal sealed class ModelOptions
{
    /// <summary>The saved model; read again when the file changes.</summary>
    [Required]
    public string Path { get; set; } = "";

    /// <summary>Most requests of one forward pass.</summary>
    [Range(1, 1024)]
    public int MaxBatchSize { get; set; } = 32;

    /// <summary>How long the first request of a batch waits for others, in milliseconds; 0 takes only those that wait already.</summary>
    [Range(0, 1000)]
    public int MaxWaitMilliseconds { get; set; } = 2;

    /// <summary>Most requests that wait; more are answered with 503.</summary>
    [Range(1, 100_000)]
    public int QueueLength { get; set; } = 256;

    /// <summary>How often the file is looked at, in milliseconds.</summary>
    [Range(10, 60_000)]
    public int WatchMilliseconds { get; set; } = 500;
}
