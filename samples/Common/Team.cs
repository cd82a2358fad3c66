using Microsoft.ML.NaturalGradient;

namespace Samples;

/// <summary>The processes that an MPI launcher started this sample as. Without a launcher it is one, and needs no MPI.</summary>
internal static class Team
{
    // What a launcher tells a process of its place; one that this process starts has none.
    private static readonly string[] Variables = ["PMI", "MPI_", "OMPI_", "MV2_"];

    private static ICollective? _all;

    /// <summary>All processes.</summary>
    public static ICollective All => _all ??= Mpi.World;

    /// <summary>Whether this is the process that prints, draws and saves.</summary>
    public static bool IsFirst => All.Rank == 0;

    /// <summary>From here on the first process alone prints.</summary>
    public static void LetFirstSpeak()
    {
        if (!IsFirst)
        {
            Console.SetOut(TextWriter.Null);
        }
    }

    /// <summary>Says on the standard error stream why this process ends, and with it the others.</summary>
    /// <param name="message">What went wrong.</param>
    /// <param name="usage">How the program is used, where it was not used so; the first process alone says it.</param>
    /// <returns>The exit code.</returns>
    public static int Fail(string message, string? usage = null)
    {
        var help = usage is null ? "" : $"\n\n{usage}";
        Console.Error.WriteLine(_all is null or { Rank: 0 } ? $"error: {message}{help}" : $"error in process {_all.Rank} of {_all.Size}: {message}");
        return usage is null ? 1 : 2;
    }

    /// <summary>Refuses what is written for one process.</summary>
    /// <param name="what">What that is.</param>
    public static void RequireOne(string what)
    {
        if (All.Size > 1)
        {
            throw new UsageException($"{what} runs in one process, not in {All.Size}. Start it without --processes.");
        }
    }

    /// <summary>Removes from an environment what a launcher told this process.</summary>
    public static void Forget(IDictionary<string, string?> environment)
    {
        foreach (var name in environment.Keys.Where(name => Variables.Any(variable => name.StartsWith(variable, StringComparison.Ordinal))).ToArray())
        {
            environment.Remove(name);
        }
    }
}
