using Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;
using Microsoft.ML.NaturalGradient.Benchmarks.Fuzzing;
using Microsoft.ML.NaturalGradient.Benchmarks.Loading;
using Microsoft.ML.NaturalGradient.Benchmarks.Memory;
using Microsoft.ML.NaturalGradient.Benchmarks.Pictures;
using Microsoft.ML.NaturalGradient.Benchmarks.Scoring;
using Microsoft.ML.NaturalGradient.Benchmarks.Steps;
using Microsoft.ML.NaturalGradient.Benchmarks.Stress;
using Microsoft.ML.NaturalGradient.Benchmarks.Traffic;
using Microsoft.ML.NaturalGradient.Benchmarks.Training;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks;

/// <summary>What <c>./build.sh bench</c> does beside the benchmarks of BenchmarkDotNet, by its first argument.</summary>
internal static class Verbs
{
    private static readonly Dictionary<string, (string Usage, Func<CommandOptions, int> Run)> All = new(StringComparer.Ordinal)
    {
        ["accuracy"] = (AccuracyCommand.Usage, AccuracyCommand.Run),
        ["encoders"] = (EncodersCommand.Usage, EncodersCommand.Run),
        ["layers"] = (LayersCommand.Usage, LayersCommand.Run),
        ["precision"] = (PrecisionCommand.Usage, PrecisionCommand.Run),
        ["minutes"] = (MinutesCommand.Usage, MinutesCommand.Run),
        ["tasks"] = (TasksCommand.Usage, TasksCommand.Run),
        ["processes"] = (ProcessesCommand.Usage, ProcessesCommand.Run),
        ["serving"] = (ServingSpeed.Usage, ServingSpeed.Run),
        ["padding"] = (PaddingCommand.Usage, PaddingCommand.Run),
        ["few-rows"] = (FewRowsCommand.Usage, FewRowsCommand.Run),
        ["images"] = (ImagesCommand.Usage, ImagesCommand.Run),
        ["similarity"] = Plain("similarity --data FOLDER\n\n  --data FOLDER  with glue/STS-B", options => SimilarityCommand.Run(options.Required("--data"))),
        ["tokenizers"] = Plain("tokenizers --data FOLDER\n\n  --data FOLDER  with glue/SST-2 and tokenizers", options => TokenizerSpeed.Run(options.Required("--data"))),
        ["heads"] = Plain("heads", _ => HeadSolving.Run()),
        ["state"] = Plain("state", _ => StateSizes.Run()),
        ["memory"] = Plain("memory", _ => MemoryGrowth.Run()),
        ["memory-images"] = Plain("memory-images", _ => PictureMemory.Run()),
        ["memory-micro"] = (MicroBatchMemory.Usage, MicroBatchMemory.Run),
        ["checkpoints"] = Plain("checkpoints", _ => CheckpointCost.Run()),
        ["fuzz"] = ("Usage: ./build.sh bench fuzz --count N\n\n  --count N  damaged files to read", options => FuzzCommand.Run(Required(options, "--count"))),
        ["stress"] = ("Usage: ./build.sh bench stress [--calls N]\n\n  --calls N  calls that score (default 100000)", options => StressCommand.Run(options.Count("--calls") ?? 100_000)),
        ["device"] = ("Usage: ./build.sh bench device NAME --steps N\n\n  --steps N  steps that are timed, on a device such as cuda:0", DeviceCheck.Run),
        ["ratios"] = Plain("ratios --rounds N\n\n  --rounds N  steps of each kind", options => StepRatios.Run(Required(options, "--rounds"))),
        ["turns"] = Plain(
            "turns --other FILE --rounds N\n\n  --other FILE  another build's Microsoft.ML.NaturalGradient.Benchmarks.dll\n  --rounds N    steps of each kind",
            options => Turns.Compare(options.Required("--other"), Required(options, "--rounds"))),
    };

    // Verbs whose arguments may be no options.
    private static readonly string[] WithInputs = ["memory-micro", "device"];

    /// <summary>Whether there is such a verb.</summary>
    public static bool Has(string name) => All.ContainsKey(name);

    /// <summary>Runs a verb.</summary>
    /// <param name="name">The verb.</param>
    /// <param name="arguments">What comes after it.</param>
    /// <returns>The exit code: 2 where the arguments make no sense, 1 where files cannot be read or written.</returns>
    public static int Run(string name, IReadOnlyList<string> arguments)
    {
        var (usage, run) = All[name];
        if (CommandOptions.AsksForHelp(arguments))
        {
            Console.WriteLine(usage);
            return 0;
        }

        try
        {
            return run(new CommandOptions(arguments, usage, WithInputs.Contains(name)));
        }
        catch (UsageException exception)
        {
            Console.Error.WriteLine($"error: {exception.Message}\n\n{usage}");
            return 2;
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine($"error: {exception.Message}");
            return 1;
        }
    }

    /// <summary>Says which verbs there are.</summary>
    /// <param name="writer">Where to.</param>
    public static void WriteList(TextWriter writer) => writer.WriteLine(
        $"./build.sh bench {string.Join('|', All.Keys)} [OPTION...]\n./build.sh bench VERB --help for the options of one of them; every other option is BenchmarkDotNet's: ./build.sh bench --help.");

    private static (string, Func<CommandOptions, int>) Plain(string usage, Action<CommandOptions> run) => ($"Usage: ./build.sh bench {usage}", options =>
    {
        run(options);
        return 0;
    }
    );

    private static int Required(CommandOptions options, string name) => CommandOptions.Count(name, options.Required(name));
}
