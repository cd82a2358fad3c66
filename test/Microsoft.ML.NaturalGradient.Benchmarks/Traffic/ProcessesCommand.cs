using System.Globalization;
using Microsoft.ML.NaturalGradient.Benchmarks.Pictures;
using Microsoft.ML.NaturalGradient.Benchmarks.Steps;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using Microsoft.ML.NaturalGradient.Training;
using Samples;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Traffic;

/// <summary>What several processes send in a training step: counted in threads that stand in for them, beside the formula; and the formula for many nodes and large models.</summary>
internal static class ProcessesCommand
{
    /// <summary>How the command is used.</summary>
    public const string Usage = """
        Usage: ./build.sh bench processes [--most K] [--tokens T] [--optimizer NAME]

          --most K          counts with 2 to K processes (default 8)
          --tokens T        tokens of a text (default 64)
          --optimizer NAME  counts its steps only (default: those of AdamW, iEF, SF and KFAC)
        """;

    private const int Rows = 32;
    private const int Classes = 2;
    private const double LearningRate = 1e-6;
    private const int PictureSize = 98;

    // Ethernet of 10 Gbit/s and InfiniBand of 100 Gbit/s, with the usual time that a short message takes.
    private static readonly (string Name, double BitsPerSecond, double Latency)[] Networks = [("10 Gbit/s", 10e9, 20e-6), ("100 Gbit/s", 100e9, 2e-6)];

    private static readonly (string Name, KnownShapes Shapes)[] Known =
    [
        ("MiniLM", new(6, 384, 1536, 64) { Words = 30522, Places = 512 }),
        ("BERT-base", new(12, 768, 3072, 64) { Words = 30522, Places = 512, HasPooler = true }),
        ("ViT-B/16", new(12, 768, 3072, 197) { Patch = 3 * 16 * 16, Places = 197 }),
    ];

    /// <summary>Counts, reckons and prints tables in Markdown.</summary>
    /// <param name="options">What it is given.</param>
    /// <returns>The exit code.</returns>
    public static int Run(CommandOptions options)
    {
        var (most, tokens) = (options.Count("--most") ?? 8, options.Count("--tokens") ?? 64);
        OptimizerOptions[] methods = [Optimizers.AdamW, Optimizers.Ief, Optimizers.Sf, Optimizers.Kfac];
        var chosen = options.Choices("--optimizer", [.. methods.Select(method => method.Name)]);
        methods = [.. methods.Where(method => chosen.Contains(method.Name))];
        if (most < 2)
        {
            throw new UsageException("--most needs a number from 2 on: one process sends nothing.");
        }

        Console.WriteLine($"A step of {Rows} rows, {tokens} tokens each, {Classes} classes; MB that a process sends, and operations.\n");
        Console.WriteLine("| model, trained | optimizer | processes | counted, MB | operations | formula, MB | operations |\n|---|---|---|---|---|---|---|");
        Count("MiniLM, LoRA", () => new LoraWork(Rows, tokens), work => (work.Model, work.Model.TrainableParameters, work.Batch), tokens, most, methods);
        Count("MiniLM, all weights", () => new LoraWork(Rows, tokens, adapter: Adapters.Full), work => (work.Model, work.Model.TrainableParameters, work.Batch), tokens, most, methods);
        Count("ViT-Small, LoRA", () => new PictureWork(), work => (work.Model, work.Model.TrainableParameters, work.Batch), SmallVisionModel.Tokens(PictureSize), most, methods);
        Reckon();
        return 0;
    }

    private static void Count<T>(
        string title, Func<T> create, Func<T, (ITrainableModel Model, IReadOnlyList<NamedParameter> Trained, LabeledBatch Batch)> parts, int positions, int most,
        IReadOnlyList<OptimizerOptions> methods)
        where T : IDisposable
    {
        foreach (var method in methods)
        {
            for (var size = 2; size <= most; size++)
            {
                var counted = default(TrafficCount);
                IReadOnlyList<LayerShape> shapes = [];
                InMemoryCollective.Run(size, collective =>
                {
                    var group = ProcessGroup.Of(collective)!;
                    using var work = create();
                    var (model, trained, batch) = parts(work);
                    Step(model, [.. trained.Select(named => named.Value)], batch, method, group);
                    if (group.Rank == 0)
                    {
                        (counted, shapes) = (group.Sent, LayerShape.Of(trained.Select(named => (named.Name, named.Value)), positions));
                    }
                });
                var formula = new TrafficModel(shapes, Rows, Classes, size);
                var reckoned = method switch
                {
                    AdamWOptions => formula.MeanStep(),
                    SfOptions => formula.DrawnStep(),
                    KfacOptions => (TrafficCount?)null, // counted only
                    _ => formula.PerSampleStep(),
                };
                Console.WriteLine($"| {title} | {method.Name} | {size} | {counted.Bytes / 1e6:F3} | {counted.Messages} | {reckoned?.Bytes / 1e6:F3} | {reckoned?.Messages} |");
            }
        }
    }

    private static void Step(ITrainableModel model, IReadOnlyList<Parameter> parameters, LabeledBatch batch, OptimizerOptions method, ProcessGroup group)
    {
        using var scope = NewDisposeScope();
        using var optimizer = method.Create(parameters, 1);
        using var evaluation = BatchEvaluation.Of(model, new SoftmaxCrossEntropy(), batch, optimizer.NeedsPerSampleGradients, null, null, group);
        optimizer.Step(evaluation, LearningRate);
    }

    private static void Reckon()
    {
        Console.WriteLine("\nMilliseconds of a step in which a process sends; 8 rows for each node, 32 at least.\n");
        Console.WriteLine($"| model, trained | weights P | nodes | rows | exchanged as | AdamW, MB | iEF, MB | {string.Join(" | ", Networks.Select(network => $"AdamW, {network.Name} | iEF, {network.Name}"))} |");
        Console.WriteLine($"|---|---|---|---|---|---|---|{string.Concat(Enumerable.Repeat("---|", 2 * Networks.Length))}");
        foreach (var (name, shapes) in Known)
        {
            foreach (var (trained, layers) in new[] { ("LoRA", shapes.Lora(Classes)), ("all weights", shapes.Full(Classes)) })
            {
                foreach (var nodes in new[] { 2, 8, 64 })
                {
                    var model = new TrafficModel(layers, Math.Max(Rows, 8 * nodes), Classes, nodes);
                    var (mean, perSample) = (model.MeanStep(), model.PerSampleStep());
                    var times = Networks.Select(network => $"{Short(1000 * Seconds(mean, nodes, network), 2)} | {Short(1000 * Seconds(perSample, nodes, network), 2)}");
                    Console.WriteLine(
                        $"| {name}, {trained} | {model.Numbers:N0} | {nodes} | {model.Rows} | {model.Exchange()} | {Short(mean.Bytes / 1e6, 3)} | {Short(perSample.Bytes / 1e6, 3)} | {string.Join(" | ", times)} |");
                }
            }
        }
    }

    // So many digits, without an exponent.
    private static string Short(double value, int digits)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(value)) - digits + 1);
        return (Math.Round(value / unit) * unit).ToString("#,0.#####", CultureInfo.InvariantCulture);
    }

    // An operation is a chain of about 2 log₂ K messages.
    private static double Seconds(TrafficCount count, int nodes, (string Name, double BitsPerSecond, double Latency) network) =>
        (count.Bytes * 8 / network.BitsPerSecond) + (count.Messages * 2 * Math.Log2(nodes) * network.Latency);

    /// <summary>The embedded image encoder with LoRA, and random pictures to train it on.</summary>
    private sealed class PictureWork : IDisposable
    {
        public PictureWork()
        {
            Model = SmallVisionModel.Create(Classes, Adapters.LoRA);
            Model.SetTraining(true);
            Batch = new LabeledBatch(SmallVisionModel.Batch(Rows, PictureSize), tensor(Enumerable.Range(0, Rows).Select(row => (long)(row % Classes)).ToArray()));
        }

        public Models.Vision.ImageClassifier Model { get; }

        public LabeledBatch Batch { get; }

        public void Dispose()
        {
            Model.Dispose();
            Batch.Dispose();
        }
    }
}
