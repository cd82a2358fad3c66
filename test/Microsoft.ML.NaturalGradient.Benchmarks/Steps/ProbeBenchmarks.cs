using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Steps;

/// <summary>One measurement of γ for MiniLM with LoRA of rank 8 on 32 rows of 64 tokens, by direction, and a step of AdamW.</summary>
/// <remarks>
/// A measurement always has the plain gradient. What a direction adds to it is the difference; "own passes" is how it is with so many classes
/// that the methods cannot share the gradients of all logits.
/// </remarks>
[Config(typeof(Columns))]
[WarmupCount(2)]
[IterationCount(8)]
public class ProbeBenchmarks : IDisposable
{
    private const string Step = "step of AdamW";
    private const string Gradient = "SGD";
    private const string Alone = ", own passes";

    private static readonly Dictionary<string, OptimizerOptions[]> Directions = new()
    {
        [Gradient] = [],
        ["EF"] = [Optimizers.Ef],
        ["iEF"] = [Optimizers.Ief],
        ["SF"] = [Optimizers.Sf],
        ["NG"] = [Optimizers.Ng],
        ["EF, iEF, SF, NG"] = [Optimizers.Ef, Optimizers.Ief, Optimizers.Sf, Optimizers.Ng],
    };

    private LoraWork _work = null!;
    private Optimizer? _optimizer;
    private ApproximationQuality? _quality;

    /// <summary>What to time.</summary>
    public static IEnumerable<string> Names => [Step, .. Directions.Keys, .. Directions.Keys.Select(name => name + Alone)];

    /// <summary>What is timed.</summary>
    [ParamsSource(nameof(Names))]
    public string Name { get; set; } = "";

    /// <summary>Makes the model, the batch and what is timed.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _work = new LoraWork(samples: 32, tokens: 64);
        if (Name == Step)
        {
            _optimizer = Optimizers.AdamW.Create(_work.Parameters, 1);
            return;
        }

        var probe = new QualityProbe { Directions = Directions[Name.Replace(Alone, "", StringComparison.Ordinal)] };
        _quality = Name.EndsWith(Alone, StringComparison.Ordinal)
            ? new ApproximationQuality(_work.Parameters, probe, seed: 1) { MostSharedBytes = 0 }
            : new ApproximationQuality(_work.Parameters, probe, seed: 1);
    }

    /// <summary>One measurement, or one step.</summary>
    [Benchmark]
    public void Measure()
    {
        if (_optimizer is not null)
        {
            _work.Step(_optimizer);
        }
        else
        {
            _ = _quality!.Measure(_work.Model, new SoftmaxCrossEntropy(), _work.Batch);
        }
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _optimizer?.Dispose();
        _work.Dispose();
        GC.SuppressFinalize(this);
    }

    private sealed class Columns : ManualConfig
    {
        public Columns()
        {
            AddColumn(new RelativeColumn("÷ AdamW", "Mean time divided by that of a step of AdamW", (own, mean) => own / mean(Step)));
            AddColumn(new RelativeColumn(
                "added ÷ AdamW", "What the directions add to a measurement of SGD alone, divided by a step of AdamW; meaningful in rows of the shared kind",
                (own, mean) => (own - mean(Gradient)) / mean(Step)));
            AddColumn(new RelativeColumn(
                "added, own passes ÷ AdamW", "The same in rows of the other kind", (own, mean) => (own - mean(Gradient + Alone)) / mean(Step)));
        }
    }
}
