using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>The folder in which a run leaves its state, so that it can go on there; no other run uses it meanwhile.</summary>
/// <remarks>Of several processes the first has the folder; the others have a copy of the state to go on from, and save nothing.</remarks>
internal sealed class TrainingCheckpoints : IDisposable
{
    /// <summary>Name of the file with the state.</summary>
    public const string FileName = "training-state.safetensors";

    /// <summary>Name of the file with the state before.</summary>
    public const string PreviousName = "training-state.previous.safetensors";

    private const string LockName = ".training.lock";

    private readonly string _folder;
    private readonly FileStream? _lock; // null where another process has the folder
    private readonly string? _copy;
    private readonly Action<string> _warn;
    private readonly Stopwatch _saving = new();
    private TrainingState? _saved;

    private TrainingCheckpoints(string folder, CheckpointInterval interval, bool resume, Action<string> warn)
    {
        (_folder, Interval, _warn) = (folder, interval, warn);
        _lock = TakeLock(folder) ?? throw new IOException(
            $"Another run uses the folder '{folder}' for its checkpoints. Give each run a CheckpointFolder of its own.");
        try
        {
            _saved = resume ? Find() : null;
        }
        catch
        {
            _lock.Dispose();
            throw;
        }
    }

    private TrainingCheckpoints(string folder, CheckpointInterval interval, string? copy)
    {
        (_folder, Interval, _copy, _warn) = (folder, interval, copy, _ => { });
        try
        {
            _saved = copy is null ? null : TrainingState.Open(copy);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Path of the state to go on from; null for none.</summary>
    public string? SavedPath { get; private set; }

    /// <summary>How often states are saved.</summary>
    public CheckpointInterval Interval { get; }

    /// <summary>How many states were saved.</summary>
    public int SaveCount { get; private set; }

    /// <summary>How long the run waited for that.</summary>
    public TimeSpan SavingTime => _saving.Elapsed;

    /// <summary>What the run is, by names for messages; a state of another run is refused.</summary>
    public Dictionary<string, string> Identity { get; } = new(StringComparer.Ordinal);

    /// <summary>Opens a folder.</summary>
    /// <param name="folder">Its path; made where it does not exist.</param>
    /// <param name="interval">How often states are saved.</param>
    /// <param name="resume">Whether to go on from a state that is there.</param>
    /// <param name="warn">Told in a sentence of what is damaged or cannot be written.</param>
    /// <returns>The folder; the caller disposes it.</returns>
    /// <exception cref="IOException">Another run uses the folder, or it cannot be made.</exception>
    /// <exception cref="InvalidDataException">States are there, but all are damaged.</exception>
    public static TrainingCheckpoints Open(string folder, CheckpointInterval interval, bool resume, Action<string> warn) =>
        new(Path.GetFullPath(folder), interval, resume, warn);

    /// <summary>Follows another process, which has the folder.</summary>
    /// <param name="folder">Its path, for messages.</param>
    /// <param name="interval">As there.</param>
    /// <param name="copy">A copy of the state to go on from, which is deleted with this object; null for none.</param>
    /// <returns>The object; the caller disposes it.</returns>
    public static TrainingCheckpoints Follow(string folder, CheckpointInterval interval, string? copy) => new(Path.GetFullPath(folder), interval, copy);

    /// <summary>Describes a setting for <see cref="Identity"/>, alike under every culture, which records do not.</summary>
    /// <param name="setting">The setting.</param>
    public static string Describe(object? setting)
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            return setting?.ToString() ?? "none";
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    /// <summary>What a saved run is said to be; null where there is none to go on from, or it does not say.</summary>
    /// <param name="name">The name in <see cref="Identity"/>.</param>
    public string? Saved(string name) => _saved?.Identity.GetValueOrDefault(name);

    /// <summary>Gives the state to go on from, once.</summary>
    /// <returns>The state, owned by the caller; null for none.</returns>
    /// <exception cref="InvalidOperationException">It is that of another run; the message names what differs.</exception>
    public TrainingState? Take()
    {
        if (_saved is null)
        {
            return null;
        }

        var differences = Identity.Keys.Union(_saved.Identity.Keys).Order(StringComparer.Ordinal)
            .Where(name => Identity.GetValueOrDefault(name) != _saved.Identity.GetValueOrDefault(name))
            .Select(name => $"{name} was {_saved.Identity.GetValueOrDefault(name, "nothing")}, now {Identity.GetValueOrDefault(name, "nothing")}").ToArray();
        if (differences.Length > 0)
        {
            throw new InvalidOperationException(
                $"The state in '{_folder}' is that of another run: {string.Join("; ", differences)}. Train as before, use another CheckpointFolder, or set Resume to false "
                + "to begin anew and give that state up.");
        }

        var state = _saved;
        _saved = null;
        return state;
    }

    /// <summary>Saves a state; the one before is kept beside it. A warning tells when it cannot be written; the states that are there stay then.</summary>
    /// <param name="write">Writes it.</param>
    public void Save(Action<Stream> write)
    {
        if (_lock is null)
        {
            return;
        }

        var (path, previous) = (Path.Combine(_folder, FileName), Path.Combine(_folder, PreviousName));
        var next = path + ".next";
        _saving.Start();
        try
        {
            AtomicFile.Write(next, write, followLink: false);
            if (File.Exists(path))
            {
                File.Move(path, previous, overwrite: true);
            }

            File.Move(next, path, overwrite: true);
            SaveCount++;
        }
        catch (Exception e) when (DiskErrors.IsOfWriting(e))
        {
            _warn($"The state of the run could not be saved in '{_folder}': {e.Message.TrimEnd('.')}. The training goes on.");
        }
        finally
        {
            _saving.Stop();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _saved?.Dispose();
        _lock?.Dispose();
        if (_copy is not null)
        {
            File.Delete(_copy);
        }
    }

    private static FileStream? TakeLock(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return FileLock.TryTake(Path.Combine(folder, LockName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The folder '{folder}' cannot keep checkpoints: {e.Message} Set CheckpointFolder to a folder that can be written.", e);
        }
    }

    private TrainingState? Find()
    {
        var problems = new List<string>();
        foreach (var path in new[] { FileName + ".next", FileName, PreviousName }.Select(name => Path.Combine(_folder, name)).Where(File.Exists))
        {
            try
            {
                var state = TrainingState.Open(path);
                SavedPath = path;
                problems.ForEach(problem => _warn($"{problem} The training goes on from '{Path.GetFileName(path)}', {PlaceOf(state.Position)}."));
                return state;
            }
            catch (Exception e) when (e is InvalidDataException or IOException)
            {
                problems.Add(e.Message);
            }
        }

        return problems.Count == 0
            ? null
            : throw new InvalidDataException(
                $"No state in '{_folder}' can be read: {string.Join(' ', problems)} Set Resume to false to begin anew.");
    }

    private static string PlaceOf(TrainingPosition position) => position.IsFinished
        ? "the end of the run"
        : FormattableString.Invariant($"step {position.Step} of epoch {position.Epoch}");
}
