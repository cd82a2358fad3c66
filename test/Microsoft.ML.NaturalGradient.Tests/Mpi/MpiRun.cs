using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>A program that MPI's launcher started as several processes, after its end.</summary>
/// <param name="ExitCode">Exit code of the launcher: 0 where all processes ended with 0.</param>
/// <param name="Output">What all processes wrote to their standard output, mixed.</param>
/// <param name="Errors">What they and the launcher wrote to the standard error stream.</param>
internal sealed record MpiRun(int ExitCode, string Output, string Errors)
{
    /// <summary>How long a run may take; it is far from what any takes, and there so that no test waits forever.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);

    private const string Name = "Microsoft.ML.NaturalGradient.MpiProcess";

    private static readonly Dictionary<MpiImplementation, string?> Launchers = [];

    /// <summary>Runs the test program with several processes of one thread each; a test that this machine has no MPI for is inconclusive.</summary>
    /// <param name="implementation">Whose launcher starts it.</param>
    /// <param name="processes">How many.</param>
    /// <param name="arguments">Its arguments, the verb first.</param>
    /// <returns>How it ended.</returns>
    public static MpiRun Run(MpiImplementation implementation, int processes, params string[] arguments) => Run(implementation, processes, arguments, null, []);

    /// <summary>Runs the test program as above, and looks at what it writes meanwhile.</summary>
    /// <param name="implementation">Whose launcher starts it.</param>
    /// <param name="processes">How many.</param>
    /// <param name="arguments">Its arguments, the verb first.</param>
    /// <param name="onLine">Gets each line of the standard output as it comes; null for nothing.</param>
    /// <param name="environment">Environment variables of the processes.</param>
    /// <returns>How it ended.</returns>
    public static MpiRun Run(MpiImplementation implementation, int processes, string[] arguments, Action<string>? onLine, params (string Name, string Value)[] environment)
    {
        var launcher = Require(implementation);
        var count = processes.ToString(CultureInfo.InvariantCulture);
        string[] options = implementation == MpiImplementation.OpenMpi ? ["--oversubscribe", "-n", count] : ["-n", count];
        var start = new ProcessStartInfo(launcher, [.. options, "dotnet", Program(), .. arguments]);
        return Finish(start, onLine, environment);
    }

    /// <summary>Runs the test program as one process, without a launcher.</summary>
    public static MpiRun RunAlone(params string[] arguments) => Finish(new("dotnet", [Program(), .. arguments]), null, []);

    /// <summary>Makes the test inconclusive where an implementation is not installed.</summary>
    /// <returns>The name of its launcher.</returns>
    public static string Require(MpiImplementation implementation)
    {
        string? launcher;
        lock (Launchers)
        {
            if (!Launchers.TryGetValue(implementation, out launcher))
            {
                Launchers.Add(implementation, launcher = Find(implementation));
            }
        }

        if (launcher is null)
        {
            Assert.Inconclusive(implementation == MpiImplementation.Mpich
                ? "MPICH is not installed. ./build.sh test installs it where there are root rights and apt-get."
                : "Open MPI is not installed (Debian, Ubuntu: apt-get install openmpi-bin).");
        }

        return launcher;
    }

    private static MpiRun Finish(ProcessStartInfo start, Action<string>? onLine, (string Name, string Value)[] environment)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.Environment["OMP_NUM_THREADS"] = "1";
        start.Environment["TERM"] = "dumb"; // Open MPI gives each process a terminal
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        var output = new StringBuilder();
        var errors = new StringBuilder();
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Add(output, line.Data, onLine);
        process.ErrorDataReceived += (_, line) => Add(errors, line.Data, null);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(Limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            Assert.Fail($"It did not end within {Limit}: {string.Join(' ', start.ArgumentList)}\n{Text(output)}\n{Text(errors)}");
        }

        process.WaitForExit(); // also for the end of both streams
        return new(process.ExitCode, Text(output), Text(errors));
    }

    private static void Add(StringBuilder text, string? line, Action<string>? onLine)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.AppendLine(line);
            }

            onLine?.Invoke(line);
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private static string Program()
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(output.Parent!.Parent!.FullName, Name, output.Name, Name + ".dll");
    }

    // Where several are installed, the names with a suffix say whose they are, and mpiexec is one of them.
    private static string? Find(MpiImplementation implementation)
    {
        var (names, signs) = implementation == MpiImplementation.Mpich
            ? (new[] { "mpiexec.mpich", "mpiexec.hydra", "mpiexec" }, new[] { "HYDRA", "Intel(R) MPI" })
            : (["mpirun.openmpi", "mpiexec.openmpi", "orterun", "mpiexec"], ["Open MPI", "OpenRTE"]);
        return names.FirstOrDefault(name => Version(name) is { } version && signs.Any(sign => version.Contains(sign, StringComparison.Ordinal)));
    }

    private static string? Version(string launcher)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(launcher, ["--version"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return text + errors.GetAwaiter().GetResult();
        }
        catch (Win32Exception)
        {
            return null; // no such program
        }
    }
}
