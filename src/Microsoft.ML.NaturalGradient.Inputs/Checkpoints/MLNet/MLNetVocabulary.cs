using System.Reflection;

namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>Finds the three files of ML.NET's tokenizer: beside the weights, or in the assembly Microsoft.ML.TorchSharp, which has them as resources.</summary>
internal static class MLNetVocabulary
{
    private const string AssemblyName = "Microsoft.ML.TorchSharp";

    /// <summary>Names of the files: pieces of GPT-2, their merges, and how often each occurs.</summary>
    public static IReadOnlyList<string> Names { get; } = ["encoder.json", "vocab.bpe", "dict.txt"];

    /// <summary>Chooses where the files are read from.</summary>
    /// <param name="folder">Folder of the weights.</param>
    /// <returns>Opens a file by its name.</returns>
    /// <exception cref="FileNotFoundException">They are in neither place; the message says what to do.</exception>
    public static Func<string, Stream> Find(string folder) => Find(folder, AssemblyName);

    /// <inheritdoc cref="Find(string)"/>
    /// <param name="folder">Folder of the weights.</param>
    /// <param name="assemblyName">Name of the assembly that may have them.</param>
    internal static Func<string, Stream> Find(string folder, string assemblyName)
    {
        if (Names.All(name => File.Exists(Path.Combine(folder, name))))
        {
            return name => RegularFile.OpenRead(Path.Combine(folder, name));
        }

        var assembly = Load(assemblyName);
        return assembly is not null && Names.All(name => assembly.GetManifestResourceInfo(name) is not null)
            ? name => assembly.GetManifestResourceStream(name)!
            : throw new FileNotFoundException(
                $"The tokenizer of ML.NET's models needs {string.Join(", ", Names)}. They are neither all in '{folder}' nor in the package {assemblyName}, which "
                + $"{(assembly is null ? "this application does not have" : "this application has in a version without them")}. Add it "
                + $"('dotnet add package {assemblyName}'), or put the three files beside the weights.", Names[0]);
    }

    // The loader of a notebook refuses to give an assembly a second time to one who does not know its version.
    private static Assembly? Load(string name)
    {
        if (Array.Find(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name == name) is { } loaded)
        {
            return loaded;
        }

        try
        {
            return Assembly.Load(name);
        }
        catch (IOException)
        {
            return null; // the caller says what is missing
        }
    }
}
