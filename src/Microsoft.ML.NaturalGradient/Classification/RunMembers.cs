using System.Text.Json;
using Microsoft.ML.NaturalGradient.Processes;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>The processes of a run: how they begin together, notice that one cannot, and part.</summary>
/// <remarks>
/// Until they work together, each comes to the next meeting, or tells there what keeps it away. From then on the others wait for a process in the middle of a step, so that one that
/// fails ends all of them.
/// </remarks>
/// <param name="collective">The processes; null for this one alone.</param>
internal sealed class RunMembers(ICollective? collective)
{
    private enum Phase
    {
        Apart, // the next that they do together is a meeting
        Together,
        Over,
    }

    private Phase _phase;

    /// <summary>What the processes exchange; null for a single one.</summary>
    public ProcessGroup? Group { get; } = ProcessGroup.Of(collective);

    /// <summary>Whether this is the process that writes and speaks for all.</summary>
    public bool IsFirst => Group is null or { Rank: 0 };

    /// <summary>Runs what all processes do, and tells the others when this one fails.</summary>
    /// <typeparam name="T">Kind of result.</typeparam>
    /// <param name="body">The run.</param>
    public T Together<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception e) when (Group is not null && _phase != Phase.Over)
        {
            if (_phase == Phase.Apart)
            {
                _ = Group.Tell(e.Message);
            }
            else
            {
                Group.Abort(e.Message);
            }

            throw;
        }
    }

    /// <summary>Waits for all processes.</summary>
    /// <exception cref="InvalidOperationException">One cannot go on; the message names it.</exception>
    public void Meet() => Hear(Group?.Tell(null), "cannot go on: ");

    /// <summary>Runs something in the middle of which the others wait for this process, so that failing there ends all.</summary>
    /// <typeparam name="T">Kind of result.</typeparam>
    /// <param name="body">What all processes do.</param>
    public T Jointly<T>(Func<T> body)
    {
        _phase = Phase.Together;
        var result = body();
        _phase = Phase.Apart;
        return result;
    }

    /// <summary>Meets, and checks that all processes train the same. From here on they work together.</summary>
    /// <param name="identity">What the weights at the end depend on, by names for messages.</param>
    /// <exception cref="InvalidOperationException">They do not; the message names a process and what differs.</exception>
    public void Compare(IReadOnlyList<(string Name, string Value)> identity)
    {
        Agree(identity, "Give all processes the same rows and settings.");
        _phase = Phase.Together;
    }

    /// <summary>Meets, and checks that all processes say the same.</summary>
    /// <param name="own">What this one says, by names for messages.</param>
    /// <param name="advice">What to do where another says something else.</param>
    /// <exception cref="InvalidOperationException">One does; the message names it and what differs.</exception>
    public void Agree(IReadOnlyList<(string Name, string Value)> own, string advice)
    {
        if (Group is null)
        {
            return;
        }

        Meet();
        var all = Group.Tell(JsonSerializer.Serialize(own.ToDictionary(pair => pair.Name, pair => pair.Value)))
            .Select(text => JsonSerializer.Deserialize<Dictionary<string, string>>(text!)!).ToArray();
        Hear(
            [.. all.Select(other => all[0].Keys.Union(other.Keys).FirstOrDefault(name => all[0].GetValueOrDefault(name) != other.GetValueOrDefault(name)) is { } name
                ? $"{name}: {other.GetValueOrDefault(name, "nothing")}, where process 0 has {all[0].GetValueOrDefault(name, "nothing")}. {advice}"
                : null)],
            "differs in ");
    }

    /// <summary>Runs what ends all processes by itself when this one fails, and throws in all where they fail together.</summary>
    /// <typeparam name="T">Kind of result.</typeparam>
    /// <param name="body">The training.</param>
    public T WithOwnAbort<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch
        {
            Part();
            throw;
        }
    }

    /// <summary>Ends the work together: nobody waits for this process any more.</summary>
    public void Part() => _phase = Phase.Over;

    /// <summary>Tells which process runs where.</summary>
    /// <returns>A sentence, in the first process.</returns>
    public string Describe() =>
        $"{Group!.Size} processes: {string.Join(", ", Group.Tell($"{Environment.ProcessId} on {Environment.MachineName}").Select((place, rank) => $"process {rank} is {place}"))}.";

    private void Hear(IReadOnlyList<string?>? told, string what)
    {
        if (told?.Select((problem, rank) => (problem, rank)).FirstOrDefault(pair => pair.problem is not null) is ({ } problem, var rank))
        {
            Part();
            throw new InvalidOperationException($"Process {rank} of {Group!.Size} {what}{problem}");
        }
    }
}
