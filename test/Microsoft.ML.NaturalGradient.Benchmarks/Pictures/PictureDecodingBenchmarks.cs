using BenchmarkDotNet.Attributes;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Pictures;

/// <summary>JPEG files of 500 × 375 pixels to pictures of 224 × 224; times are those of one picture.</summary>
public class PictureDecodingBenchmarks
{
    private const int Count = 128;
    private const int Size = 224;

    private readonly byte[][] _files = SamplePictures.Jpegs(Count);
    private readonly ImagePreprocessor _preprocessor = SmallVisionModel.Preprocessor(Size);

    /// <summary>Decoding alone, on one thread.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int Decode() => _files.Sum(file => Decode(file).Width);

    /// <summary>Decoding and resizing, on one thread.</summary>
    [Benchmark(Baseline = true, OperationsPerInvoke = Count)]
    public int DecodeAndResize() => _files.Sum(file => Prepare(file).Width);

    /// <summary>Decoding and resizing as training does, on all cores and in order.</summary>
    [Benchmark(OperationsPerInvoke = Count)]
    public int OnAllCores() => OrderedPrefetch
        .Run(_files, Prepare, Environment.ProcessorCount, 2 * Environment.ProcessorCount, default).Sum(image => image.Width);

    private static RgbImage Decode(byte[] file) => ImageDecoder.Decode(file, "A picture");

    private RgbImage Prepare(byte[] file) => _preprocessor.Prepare(Decode(file));
}
