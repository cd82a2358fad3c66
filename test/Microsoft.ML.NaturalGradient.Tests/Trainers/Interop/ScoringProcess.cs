using System.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>Another process, which knows a saved model only by its file.</summary>
internal static class ScoringProcess
{
    /// <summary>Scores texts or pictures.</summary>
    /// <param name="arguments">Path of the model, then what its column Text holds in each row.</param>
    /// <returns>The scores, a line for each row.</returns>
    public static string Run(IEnumerable<string> arguments)
    {
        using var process = Start(arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors.GetAwaiter().GetResult());
        return text;
    }

    /// <summary>Starts the process; the caller ends and disposes it.</summary>
    /// <param name="arguments">As for <see cref="Run"/>, or those of its loop that saves.</param>
    public static Process Start(IEnumerable<string> arguments)
    {
        const string Name = "Microsoft.ML.NaturalGradient.ScoringProcess";
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(output.Parent!.Parent!.FullName, Name, output.Name, Name + ".dll");
        return Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
    }
}
