using System.Globalization;
using BenchmarkDotNet.Running;
using Microsoft.ML.NaturalGradient.Benchmarks;
using Microsoft.ML.NaturalGradient.Benchmarks.Fuzzing;
using Microsoft.ML.NaturalGradient.Benchmarks.Steps;
using Microsoft.ML.NaturalGradient.Numerics;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

switch (args)
{
    case ["fuzz-part", var from, var to]: // of a process that fuzz starts
        FuzzCommand.Work(int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture));
        return 0;
    case ["turn"]: // of a process that turns starts
        Turns.Work();
        return 0;
    case ["help"]:
        Verbs.WriteList(Console.Out);
        return 0;
    case [var verb, .. var rest] when Verbs.Has(verb):
        return Verbs.Run(verb, rest);
    case [var unknown, ..] when !unknown.StartsWith('-'):
        Console.Error.WriteLine($"error: There is no verb \"{unknown}\".\n");
        Verbs.WriteList(Console.Error);
        return 2;
    default:
        using (new NativeHeap()) // as in training
        {
            var summaries = BenchmarkSwitcher.FromAssembly(typeof(QuietConfig).Assembly).Run(args, new QuietConfig()).ToArray();
            var isAsked = args.Any(argument => argument is "--help" or "--list" or "--info" or "--version");
            return isAsked || (summaries.Length > 0 && summaries.All(summary => !summary.HasCriticalValidationErrors && summary.Reports.All(report => report.Success))) ? 0 : 1;
        }
}
