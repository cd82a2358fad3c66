using System.Globalization;
using System.Text.Json;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>Reads reference results that are copied beside the tests.</summary>
internal static class Fixture
{
    public static JsonElement Read(string relativePath)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "Fixtures", relativePath);
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return document.RootElement.Clone();
    }

    /// <summary>Nested lists of numbers as a float64 tensor.</summary>
    public static Tensor ToTensor(this JsonElement element)
    {
        var shape = new List<long>();
        for (var level = element; level.ValueKind == JsonValueKind.Array; level = level[0])
        {
            shape.Add(level.GetArrayLength());
        }

        // Memory of an array lies anywhere, and libtorch without AVX rounds by where it lies; a copy lies as libtorch's own tensors do.
        using var array = tensor(Flatten(element).ToArray(), shape.ToArray(), dtype: ScalarType.Float64);
        return array.clone();
    }

    /// <summary>scale · sin(frequency · i + phase) over row-major positions i, float64.</summary>
    public static Tensor Sine(double scale, double frequency, double phase, params long[] shape)
    {
        var count = shape.Aggregate(1L, (product, size) => product * size);
        var values = Enumerable.Range(0, (int)count).Select(i => scale * Math.Sin((frequency * i) + phase)).ToArray();
        return tensor(values, shape, dtype: ScalarType.Float64);
    }

    public static void AssertClose(Tensor expected, Tensor actual, double relative = 1e-8, double absolute = 1e-10)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        var difference = actual.sub(expected).abs().max().to(ScalarType.Float64).item<double>();
        Assert.IsTrue(actual.allclose(expected, relative, absolute), $"largest difference {difference:G3}");
    }

    /// <summary>Value less than bound, which not-a-number is not; MSTest's own assertion takes it for less than anything.</summary>
    public static void AssertLess(double bound, double value, string? message = null) =>
        Assert.IsTrue(value < bound, string.Create(CultureInfo.InvariantCulture, $"{value} is not less than {bound}. {message}"));

    private static IEnumerable<double> Flatten(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Array => element.EnumerateArray().SelectMany(Flatten),
            JsonValueKind.Null => [double.NaN], // the reference had no number
            _ => [element.GetDouble()],
        };
}
