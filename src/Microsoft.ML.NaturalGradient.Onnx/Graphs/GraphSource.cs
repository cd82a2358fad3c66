using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>Where a graph comes from: a saved model, or a folder, in which weights may be in files of their own.</summary>
internal sealed class GraphSource : IDisposable
{
    private const string WeightsHash = "weights_sha256"; // as the export notes it

    private GraphSource(string description, StoredGraph graph, GraphFacts facts)
    {
        (Description, Graph, Facts) = (description, graph, facts);
    }

    /// <summary>The graph, in words for messages.</summary>
    public string Description { get; }

    /// <summary>Its bytes.</summary>
    public StoredGraph Graph { get; }

    /// <summary>What the bytes say.</summary>
    public GraphFacts Facts { get; }

    /// <summary>A graph in a saved model.</summary>
    /// <param name="graph">Its bytes; owned by the result.</param>
    /// <exception cref="InvalidDataException">They are damaged, or the weights are elsewhere.</exception>
    public static GraphSource InModel(StoredGraph graph)
    {
        const string description = $"The graph '{ServedModelArchive.GraphName}' of the saved model";
        var facts = ReadFacts(graph, description);
        return facts.ExternalFiles.Count == 0 ? new GraphSource(description, graph, facts) : throw new InvalidDataException(
            $"{description} has its weights in '{facts.ExternalFiles.First()}', which a saved model does not hold. Save the model again with SaveForServing.");
    }

    /// <summary>A graph in a folder, of which a save that was interrupted while it moved the files is completed first.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="FileNotFoundException">The graph, or a file with its weights, is missing.</exception>
    /// <exception cref="IOException">The files cannot be moved.</exception>
    /// <exception cref="InvalidDataException">The graph is damaged.</exception>
    public static GraphSource InFolder(string folder)
    {
        FolderSave.Finish(folder);
        using var files = new FolderCheckpointFiles(folder);
        var description = $"The graph '{ServedModelArchive.GraphName}' of {files.Description}";
        files.Open(ServedModelArchive.GraphName).Dispose(); // says what is missing or has changed
        var graph = StoredGraph.InFile(Path.Combine(folder, ServedModelArchive.GraphName));
        var facts = ReadFacts(graph, description);
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

        CheckWeights(files, facts, description);
        return new GraphSource(description, graph, facts);
    }

    /// <inheritdoc/>
    public void Dispose() => Graph.Dispose();

    private static void CheckWeights(FolderCheckpointFiles files, GraphFacts facts, string description)
    {
        if (facts.ExternalFiles.Count != 1 || !facts.Notes.TryGetValue(WeightsHash, out var hash))
        {
            return; // written by others
        }

        var file = facts.ExternalFiles.First();
        using var weights = files.Open(file);
        if (ContentHash.Of(weights) != hash)
        {
            throw new InvalidDataException($"{description} has its weights in '{file}', which is not what was exported: its checksum differs. Copy it again, or export the model again.");
        }
    }

    private static GraphFacts ReadFacts(StoredGraph graph, string description)
    {
        using var bytes = graph.Map();
        try
        {
            return bytes.Length <= int.MaxValue ? GraphFacts.Read(bytes.Slice(0, (int)bytes.Length)) : throw new InvalidDataException("The file has 2 GB or more, which no graph has.");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{description} cannot be read. {e.Message} Copy it again, or export the model again.", e);
        }
    }
}
