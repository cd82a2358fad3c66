using System.Diagnostics;
using System.Reflection;

namespace Samples;

/// <summary>Starts this program again, to show that a saved model needs nothing of the process that trained it.</summary>
internal static class SecondProcess
{
    /// <summary>Classifies <paramref name="inputs"/> and returns the exit code.</summary>
    public static int Classify(string model, IEnumerable<string> inputs)
    {
        var program = Environment.ProcessPath ?? "dotnet";
        var start = new ProcessStartInfo(program);
        if (Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
        {
            start.ArgumentList.Add(Assembly.GetExecutingAssembly().Location);
        }

        foreach (var argument in new[] { "classify", "--model", model, "--" }.Concat(inputs))
        {
            start.ArgumentList.Add(argument);
        }

        Team.Forget(start.Environment);
        Console.WriteLine("A second process loads the model and classifies:");
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start.");
        process.WaitForExit();
        return process.ExitCode;
    }
}
