using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Settles <see cref="Precision.Auto"/>.</summary>
internal static class PrecisionChoice
{
    private const int Rows = 256; // tokens of a batch of short texts
    private const int Repetitions = 5;
    private const double WorthIt = 1.2;

    /// <summary>Settles whether products are rounded.</summary>
    /// <param name="precision">The setting.</param>
    /// <param name="saved">What <see cref="Precision.Auto"/> chose in the run that goes on, by name, since another measurement may choose otherwise; null for none.</param>
    /// <param name="width">Width D of the network.</param>
    /// <param name="device">Where it is.</param>
    /// <param name="log">Takes what was measured.</param>
    public static bool IsRounded(Precision precision, string? saved, long width, Device device, Action<string> log)
    {
        if (precision != Precision.Auto)
        {
            return precision == Precision.BFloat16;
        }

        if (saved is nameof(Precision.BFloat16) or nameof(Precision.Float32))
        {
            log($"Precision: {saved}, as in the run that goes on.");
            return saved == nameof(Precision.BFloat16);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (input, weight) = (ones([Rows, width], device: device), ones([4 * width, width], device: device));
        var half = weight.to(ScalarType.BFloat16);
        var full = Seconds(() => nn.functional.linear(input, weight), device);
        var rounded = Seconds(() => nn.functional.linear(input.to(ScalarType.BFloat16), half).to(ScalarType.Float32), device);
        var isRounded = full > WorthIt * rounded;
        log(string.Create(
            CultureInfo.InvariantCulture,
            $"Precision: {(isRounded ? Precision.BFloat16 : Precision.Float32)}, since a product takes {1000 * full:F2} ms in float32 and {1000 * rounded:F2} ms in bfloat16."));
        return isRounded;
    }

    private static double Seconds(Func<Tensor> product, Device device)
    {
        var shortest = double.PositiveInfinity;
        for (var i = 0; i <= Repetitions; i++)
        {
            using var scope = NewDisposeScope();
            var started = Stopwatch.GetTimestamp();
            var result = product();
            if (device.type != DeviceType.CPU)
            {
                _ = result.sum().item<float>(); // waits
            }

            shortest = Math.Min(shortest, i == 0 ? shortest : Stopwatch.GetElapsedTime(started).TotalSeconds);
        }

        return shortest;
    }
}
