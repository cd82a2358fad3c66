namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>Finds the weights that Microsoft.ML.TorchSharp downloads; never downloads them itself.</summary>
internal static class MLNetFolders
{
    /// <summary>Environment variable with the folder that ML.NET looks for resources in.</summary>
    public const string PathVariable = "MICROSOFTML_RESOURCE_PATH";

    /// <summary>Environment variable with the address that ML.NET downloads resources from.</summary>
    public const string AddressVariable = "MICROSOFTML_RESOURCE_URL";

    private const string DefaultAddress = "https://aka.ms/mlnet-resources/";
    private const string Folder = "mlnet"; // within the folder for temporary files

    /// <summary>What the file of a model is called.</summary>
    /// <param name="model">The model.</param>
    public static string FileName(MLNetModel model) => model == MLNetModel.Roberta ? "pretrained_Roberta_encoder.tsm" : "NasBert2000000.tsm";

    /// <summary>Finds the file of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Path of the file, or of the folder it is in; null to look where ML.NET keeps it.</param>
    /// <param name="variable">Gives the value of an environment variable; null where it is not set.</param>
    /// <returns>Its full path.</returns>
    /// <exception cref="FileNotFoundException">It is not there; the message says where it was looked for, and what to do.</exception>
    public static string Find(MLNetModel model, string? path, Func<string, string?> variable) => Find(model, path, variable, File.Exists);

    /// <inheritdoc cref="Find(MLNetModel, string?, Func{string, string?})"/>
    /// <param name="model">The model.</param>
    /// <param name="path">Path of the file, or of the folder it is in; null to look where ML.NET keeps it.</param>
    /// <param name="variable">Gives the value of an environment variable; null where it is not set.</param>
    /// <param name="exists">Whether there is a file.</param>
    internal static string Find(MLNetModel model, string? path, Func<string, string?> variable, Predicate<string> exists)
    {
        string[] places = path is null ? [.. Places(FileName(model), variable)] : [Directory.Exists(path) ? Path.Combine(path, FileName(model)) : path];
        return Array.Find(places, exists) is { } found ? Path.GetFullPath(found) : throw Missing(model, places, variable);
    }

    // The folder that was set counts first; ML.NET's trainers download to the second unless MLContext.TempFilePath is another.
    private static IEnumerable<string> Places(string file, Func<string, string?> variable)
    {
        if (variable(PathVariable) is { Length: > 0 } set)
        {
            yield return Path.Combine(set, Folder, file);
            yield return Path.Combine(set, file);
        }

        yield return Path.Combine(Path.GetTempPath(), Folder, file);
        yield return Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData), "mlnet-resources", Folder, file);
    }

    private static FileNotFoundException Missing(MLNetModel model, string[] places, Func<string, string?> variable)
    {
        var file = FileName(model);
        var address = (variable(AddressVariable) is { Length: > 0 } set ? set : DefaultAddress).TrimEnd('/');
        return new FileNotFoundException(
            $"There is no {file}, the weights of MLNetModel.{model}. Looked for: {string.Join(", ", places.Select(place => $"'{place}'"))}. "
            + $"This library does not download it; ML.NET's own trainers do when they are fitted. Or download {address}/models/{file} and give its path: "
            + $"PretrainedModel.FromMLNet(MLNetModel.{model}, path). {PathVariable} may name a folder that has it.", file);
    }
}
