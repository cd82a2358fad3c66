using BenchmarkDotNet.Attributes;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Scoring;

/// <summary>512 texts through MiniLM: in batches by Transform, and one at a time by PredictionEngine.</summary>
public class ScoringBenchmarks
{
    private const int Count = 512;

    private readonly MLContext _context = new(seed: 1);
    private TrainedModel.Row[] _rows = [];
    private ITransformer _model = null!;
    private PredictionEngine<TrainedModel.Row, TrainedModel.Prediction> _engine = null!;

    /// <summary>Mean number of words of a text.</summary>
    [Params(5, 10, 20)]
    public int Words { get; set; }

    /// <summary>Trains the model.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _rows = TrainedModel.Rows(Count, Words);
        _model = TrainedModel.Fit(_context);
        _engine = _context.Model.CreatePredictionEngine<TrainedModel.Row, TrainedModel.Prediction>(_model);
    }

    /// <summary>One row at a time.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public float OneAtATime()
    {
        var sum = 0f;
        foreach (var row in _rows)
        {
            sum += _engine.Predict(row).Scores[0];
        }

        return sum;
    }

    /// <summary>In batches.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public float Batched()
    {
        var view = _model.Transform(_context.Data.LoadFromEnumerable(_rows));
        return view.GetColumn<float[]>("Score").Sum(scores => scores[0]);
    }

    /// <summary>Frees everything.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        _engine.Dispose();
        (_model as IDisposable)?.Dispose();
    }
}
