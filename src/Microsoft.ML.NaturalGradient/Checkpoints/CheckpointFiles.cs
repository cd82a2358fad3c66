namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The files of one pretrained model, wherever they live: a folder, an assembly's resources, a saved model.</summary>
internal abstract class CheckpointFiles : IDisposable
{
    /// <summary>Name of the file that describes the model.</summary>
    public const string ConfigName = "config.json";

    /// <summary>Name of the file that holds the weights.</summary>
    public const string WeightsName = "model.safetensors";

    /// <summary>Where the files are, in words for error messages.</summary>
    public abstract string Description { get; }

    /// <summary>Whether a file of this name is there.</summary>
    /// <param name="name">File name without a folder, for example <c>config.json</c>.</param>
    /// <returns>Whether it exists.</returns>
    public abstract bool Exists(string name);

    /// <summary>Opens a file for reading.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <returns>A readable stream; the caller disposes it.</returns>
    /// <exception cref="FileNotFoundException">There is no such file; the message names it and <see cref="Description"/>.</exception>
    public abstract Stream Open(string name);

    /// <summary>Opens a safetensors file without copying it where the storage allows.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <returns>The opened file; the caller disposes it before this object.</returns>
    public abstract SafetensorsFile OpenSafetensors(string name);

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>A file in words for error messages.</summary>
    protected string Describe(string name) => $"'{name}' of {Description}";

    /// <summary>The error for a file that is not there.</summary>
    protected FileNotFoundException NotFound(string name) => new($"There is no '{name}' in {Description}.", name);
}
