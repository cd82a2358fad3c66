using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>Where a graph comes from: a saved model, or a folder, in which weights may be in files of their own.</summary>
internal sealed class GraphSource
{
    private GraphSource(string description, byte[] content, GraphFacts facts, string? path)
    {
        (Description, Content, Facts, Path) = (description, content, facts, path);
    }

    /// <summary>The graph, in words for messages.</summary>
    public string Description { get; }

    /// <summary>The bytes of the graph.</summary>
    public byte[] Content { get; }

    /// <summary>What the bytes say.</summary>
    public GraphFacts Facts { get; }

    /// <summary>Path of the file, where weights lie beside it; else null.</summary>
    public string? Path { get; }

    /// <summary>A graph in a saved model.</summary>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="InvalidDataException">They are damaged, or the weights are elsewhere.</exception>
    public static GraphSource InModel(byte[] content)
    {
        const string description = $"The graph '{ServedModelArchive.GraphName}' of the saved model";
        var facts = ReadFacts(content, description);
        return facts.ExternalFiles.Count == 0 ? new GraphSource(description, content, facts, null) : throw new InvalidDataException(
            $"{description} has its weights in '{facts.ExternalFiles.First()}', which a saved model does not hold. Save the model again with SaveForServing.");
    }

    /// <summary>A graph in a folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">The graph, or a file with its weights, is missing.</exception>
    /// <exception cref="InvalidDataException">The graph is damaged.</exception>
    public static GraphSource InFolder(string folder)
    {
        using var files = new FolderCheckpointFiles(folder);
        var description = $"The graph '{ServedModelArchive.GraphName}' of {files.Description}";
        var content = files.Read(ServedModelArchive.GraphName);
        var facts = ReadFacts(content, description);
        foreach (var file in facts.ExternalFiles)
        {
            if (!CheckpointFiles.IsPlainName(file))
            {
                throw new InvalidDataException($"{description} looks for its weights in '{file}', outside the folder. Get the model from a source that you trust.");
            }

            if (!files.Exists(file))
            {
                throw new FileNotFoundException($"{description} has its weights in '{file}', which is not there. Copy all files of the folder.", file);
            }
        }

        return new GraphSource(description, content, facts, facts.ExternalFiles.Count == 0 ? null : System.IO.Path.Combine(folder, ServedModelArchive.GraphName));
    }

    private static GraphFacts ReadFacts(byte[] content, string description)
    {
        try
        {
            return GraphFacts.Read(content);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{description} cannot be read. {e.Message} Copy it again, or export the model again.", e);
        }
    }
}
