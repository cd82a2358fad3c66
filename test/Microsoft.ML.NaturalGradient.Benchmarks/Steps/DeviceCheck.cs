using System.Diagnostics;
using System.Globalization;
using Microsoft.ML.NaturalGradient.Diagnostics;
using ReplicationSample;
using Samples;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>A device beside the CPU: times of LoRA steps, γ, what a step changes, and what a trained pipeline predicts, as one table.</summary>
internal static class DeviceCheck
{
    // Sums in another order: a step's change agrees to some 1E-4 between two CPU capabilities too.
    private const double MostStepDifference = 5e-3;
    private const double FirstRate = 1e-2; // a change far above the rounding of weights in float32
    private const double MostGammaDifference = 1e-3;
    private const double MostScoreDifference = 2e-2;

    /// <summary>Compares and prints.</summary>
    /// <param name="options">A device of libtorch as the input: cuda:0, or cpu to try the check itself; <c>--steps</c> that are timed, after three to warm up.</param>
    /// <returns>0 when the device computes what the CPU computes.</returns>
    public static int Run(CommandOptions options)
    {
        var steps = CommandOptions.Count("--steps", options.Required("--steps"));
        var (name, device) = options.Inputs is [var input] ? (input, Named(input)) : throw new UsageException("Name one device, such as cuda:0.");
        if (device.type == TorchSharp.DeviceType.CUDA && !cuda.is_available())
        {
            Console.Error.WriteLine("libtorch finds no CUDA device: build with -p:TorchBackend=cuda, on a machine with an NVIDIA driver.");
            return 2;
        }

        var agrees = true;
        Console.WriteLine($"| | cpu | {name} | ratio or difference |\n|---|---|---|---|");
        foreach (OptimizerOptions method in new OptimizerOptions[] { Optimizers.AdamW, Optimizers.Ief, Optimizers.Ef, Optimizers.Sf })
        {
            var (own, other) = (Step(method, CPU, steps), Step(method, device, steps));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| a LoRA step of {method.Name}, 32 rows of 64 tokens: ms | {own.Milliseconds:F1} | {other.Milliseconds:F1} | {own.Milliseconds / other.Milliseconds:F1} × |"));
            if (method is not SfOptions) // which draws on the CPU, but from logits that differ in the last digits
            {
                Line($"change of the weights by the first step of {method.Name}: norm", own.Change.norm().item<double>(), other.Change.norm().item<double>(),
                    own.Change.sub(other.Change).norm().item<double>() / own.Change.norm().item<double>(), MostStepDifference);
            }
        }

        foreach (var (own, other) in Gammas(CPU).Zip(Gammas(device)))
        {
            Line($"γ of {own.Method}", own.Gamma, other.Gamma, Math.Abs(own.Gamma - other.Gamma) / own.Gamma, MostGammaDifference);
        }

        var (expected, scores) = (Scores(null), Scores(device.type == TorchSharp.DeviceType.CUDA ? device.index : null));
        Line("probability of a text's class after an epoch of iEF", expected[0], scores[0], expected.Zip(scores, (x, y) => Math.Abs(x - y)).Max(), MostScoreDifference);
        Console.WriteLine(agrees ? "The device computes what the CPU computes." : "The device computes something else than the CPU: see the lines marked with !");
        return agrees ? 0 : 1;

        void Line(string title, double own, double other, double difference, double most)
        {
            var good = difference <= most; // not so for NaN
            agrees &= good;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {title} | {own:G5} | {other:G5} | {difference:E1}{(good ? "" : " !")} |"));
        }
    }

    private static Device Named(string name)
    {
        try
        {
            return new Device(name);
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new UsageException($"There is no device \"{name}\". Use cpu, cuda or, as cuda:0, one of several.");
        }
    }

    private static (double Milliseconds, Tensor Change) Step(OptimizerOptions method, Device device, int steps)
    {
        using var work = new LoraWork(32, 64, device);
        using var optimizer = method.Create(work.Parameters, 1);
        var before = Flat(work);
        TrainingStep.Run(work.Model, work.Batch.Input, work.Batch.Labels, optimizer, FirstRate);
        var change = Flat(work).sub(before);
        var times = Enumerable.Range(0, steps + 2).Select(_ =>
        {
            var watch = Stopwatch.StartNew();
            work.Step(optimizer);
            if (device.type == TorchSharp.DeviceType.CUDA)
            {
                cuda.synchronize(device);
            }

            return watch.Elapsed.TotalMilliseconds;
        }).Skip(2).ToArray();
        return (Statistics.Median(times), change);
    }

    private static Tensor Flat(LoraWork work)
    {
        using var noGrad = no_grad();
        return cat([.. work.Parameters.Select(parameter => parameter.detach().cpu().to(ScalarType.Float64).flatten())]);
    }

    private static IReadOnlyList<DirectionQuality> Gammas(Device device)
    {
        using var work = new LoraWork(32, 64, device);
        var probe = new QualityProbe { Directions = [Optimizers.Ief, Optimizers.Ef, Optimizers.Ng] };
        return new ApproximationQuality(work.Parameters, probe, seed: 1).Measure(work.Model, new Curvature.SoftmaxCrossEntropy(), work.Batch).Directions;
    }

    // As a user trains and scores.
    private static float[] Scores(int? gpu)
    {
        var context = new MLContext(seed: 1) { GpuDeviceId = gpu };
        var model = TrainedModel.Fit(context);
        using var disposable = model as IDisposable;
        return [.. context.Data.CreateEnumerable<TrainedModel.Prediction>(model.Transform(context.Data.LoadFromEnumerable(TrainedModel.Rows(32))), reuseRowObject: false)
            .Select(row => row.Scores[0])];
    }
}
