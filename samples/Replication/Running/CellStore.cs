using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Samples;

namespace ReplicationSample;

/// <summary>The finished runs of an output folder, a file for each.</summary>
internal sealed class CellStore
{
    private const string CellFolder = "cells";

    private readonly string _cells;

    /// <summary>Opens an output folder.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="create">Whether it is made where it does not exist.</param>
    public CellStore(string folder, bool create)
    {
        (Folder, _cells) = (folder, Path.Combine(folder, CellFolder));
        if (create)
        {
            Folders.CreateOutput(_cells);
        }
        else if (!Directory.Exists(_cells))
        {
            throw new UsageException($"The folder \"{folder}\" has no finished cells. Run an experiment with --output \"{folder}\" first.");
        }
    }

    /// <summary>The output folder.</summary>
    public string Folder { get; }

    /// <summary>Whether a run is finished.</summary>
    public bool Has(Cell cell) => File.Exists(PathOf(cell));

    /// <summary>Keeps a finished run; a half-written file never has its name.</summary>
    public void Write(Cell cell, FinishedCell finished) =>
        AtomicFile.Write(PathOf(cell), file => JsonSerializer.Serialize(file, finished, ExperimentFile.Options));

    /// <summary>Shows a finished run as its file says now: name and epochs to show may have been changed since then.</summary>
    public void Present(Cell cell)
    {
        var finished = Read(cell);
        var shown = finished with { Experiment = cell.Experiment.Name, Study = cell.Study, ShownEpochs = cell.Probe?.Epochs ?? [] };
        if ((finished.Experiment, finished.Study) != (shown.Experiment, shown.Study) || !finished.ShownEpochs.SequenceEqual(shown.ShownEpochs))
        {
            Write(cell, shown);
        }
    }

    /// <summary>A finished run.</summary>
    public FinishedCell Read(Cell cell) => Read(PathOf(cell));

    /// <summary>All finished runs.</summary>
    public IReadOnlyList<FinishedCell> ReadAll() =>
        [.. Directory.EnumerateFiles(_cells, "*.json").Order(StringComparer.Ordinal).Select(Read)];

    private string PathOf(Cell cell) => Path.Combine(_cells, cell.FileName);

    private static FinishedCell Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<FinishedCell>(File.ReadAllText(path), ExperimentFile.Options)
                ?? throw new JsonException("It holds no object.");
        }
        catch (JsonException exception)
        {
            throw new UsageException($"The file \"{path}\" is no finished cell: {exception.Message} Delete it.");
        }
    }
}
