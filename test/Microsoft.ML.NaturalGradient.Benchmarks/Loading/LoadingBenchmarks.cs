using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Models;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Loading;

/// <summary>Reading the 45 MB checkpoint of MiniLM: weights widened to float32, tokenizer.</summary>
public class LoadingBenchmarks : IDisposable
{
    private readonly PretrainedModel _package = PretrainedModel.MiniLM;
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    /// <summary>Copies the embedded files into a folder.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        using var files = PretrainedModel.MiniLM.Open();
        string[] names = ["config.json", "vocab.txt", "tokenizer_config.json", "model.safetensors"];
        foreach (var name in names.Where(files.Exists))
        {
            using var source = files.Open(name);
            using var target = File.Create(Path.Combine(_folder, name));
            source.CopyTo(target);
        }
    }

    /// <summary>From the package.</summary>
    [Benchmark(Baseline = true)]
    public void FromPackage() => Load(_package);

    /// <summary>From a folder.</summary>
    [Benchmark]
    public void FromFolder() => Load(PretrainedModel.FromFolder(_folder));

    /// <summary>Deletes the folder.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private static void Load(PretrainedModel model)
    {
        using var files = model.Open();
        TextCheckpoint.Load(files).Encoder.Dispose();
    }
}
