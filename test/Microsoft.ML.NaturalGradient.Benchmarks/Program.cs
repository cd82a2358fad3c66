using System.Globalization;
using BenchmarkDotNet.Running;
using Microsoft.ML.NaturalGradient.Benchmarks;
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
using Microsoft.ML.NaturalGradient.Numerics;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

switch (args)
{
    case ["accuracy", .. var rest]:
        return AccuracyCommand.Run(rest);
    case ["encoders", .. var rest]:
        return EncodersCommand.Run(rest);
    case ["layers", .. var rest]:
        return LayersCommand.Run(rest);
    case ["precision", .. var rest]:
        return PrecisionCommand.Run(rest);
    case ["minutes", .. var rest]:
        return MinutesCommand.Run(rest);
    case ["tasks", .. var rest]:
        return TasksCommand.Run(rest);
    case ["processes", .. var rest]:
        return ProcessesCommand.Run(rest);
    case ["serving", .. var rest]:
        return ServingSpeed.Run(rest);
    case ["padding", .. var rest]:
        return PaddingCommand.Run(rest);
    case ["few-rows", .. var rest]:
        return FewRowsCommand.Run(rest);
    case ["similarity", "--data", var folder]:
        SimilarityCommand.Run(folder);
        return 0;
    case ["tokenizers", "--data", var folder]:
        TokenizerSpeed.Run(folder);
        return 0;
    case ["heads"]:
        HeadSolving.Run();
        return 0;
    case ["state"]:
        StateSizes.Run();
        return 0;
    case ["images", .. var rest]:
        return ImagesCommand.Run(rest);
    case ["fuzz", "--count", var count]:
        return FuzzCommand.Run(int.Parse(count, CultureInfo.InvariantCulture));
    case ["fuzz-part", var from, var to]:
        FuzzCommand.Work(int.Parse(from, CultureInfo.InvariantCulture), int.Parse(to, CultureInfo.InvariantCulture));
        return 0;
    case ["memory-micro", var adapter, var rows]:
        MicroBatchMemory.Run(adapter, rows == "all" ? null : int.Parse(rows, CultureInfo.InvariantCulture));
        return 0;
    case ["memory-micro", var adapter, "all", var optimizer, var rows]:
        MicroBatchMemory.Run(adapter, microBatchSize: null, optimizer, int.Parse(rows, CultureInfo.InvariantCulture));
        return 0;
    case ["memory"]:
        MemoryGrowth.Run();
        return 0;
    case ["stress"]:
        return StressCommand.Run(100_000);
    case ["stress", "--calls", var calls]:
        return StressCommand.Run(int.Parse(calls, CultureInfo.InvariantCulture));
    case ["checkpoints"]:
        CheckpointCost.Run();
        return 0;
    case ["device", var device, "--steps", var steps]:
        return DeviceCheck.Run(device, int.Parse(steps, CultureInfo.InvariantCulture));
    case ["ratios", "--rounds", var rounds]:
        StepRatios.Run(int.Parse(rounds, CultureInfo.InvariantCulture));
        return 0;
    case ["turns", "--other", var other, "--rounds", var rounds]:
        Turns.Compare(other, int.Parse(rounds, CultureInfo.InvariantCulture));
        return 0;
    case ["turn"]:
        Turns.Work();
        return 0;
    case ["memory-images"]:
        PictureMemory.Run();
        return 0;
    default:
        using (new NativeHeap()) // as in training
        {
            BenchmarkSwitcher.FromAssembly(typeof(QuietConfig).Assembly).Run(args, new QuietConfig());
        }

        return 0;
}
