using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>The device that an <see cref="MLContext"/> asks for, read when work starts.</summary>
internal static class ComputeDevice
{
    /// <summary>Finds the device.</summary>
    /// <param name="environment">The environment whose <c>GpuDeviceId</c> and <c>FallbackToCpu</c> count, as they are now.</param>
    /// <param name="warn">Called with a message when the CPU is taken in place of a GPU.</param>
    /// <returns>The CPU, unless a GPU is asked for and there.</returns>
    /// <exception cref="InvalidOperationException">The GPU is not there and falling back is not allowed.</exception>
    public static Device Choose(IHostEnvironment environment, Action<string> warn)
    {
        TorchLibrary.EnsureLoadable();
        var settings = (IHostEnvironmentInternal)environment;
        if (settings.GpuDeviceId is not { } wanted)
        {
            return CPU;
        }

        var count = cuda.is_available() ? cuda.device_count() : 0;
        if (wanted >= 0 && wanted < count)
        {
            return new Device(TorchSharp.DeviceType.CUDA, wanted);
        }

        var problem = count == 0
            ? FormattableString.Invariant($"GpuDeviceId is {wanted}, but libtorch finds no CUDA device.")
            : FormattableString.Invariant($"GpuDeviceId is {wanted}, but the CUDA devices are 0 to {count - 1}.");
        if (settings.FallbackToCpu)
        {
            warn($"{problem} The CPU is used.");
            return CPU;
        }

        throw new InvalidOperationException(
            $"{problem} Reference a CUDA build of libtorch in place of libtorch-cpu (for example the package TorchSharp-cuda-linux) "
            + "on a machine with an NVIDIA driver, or set mlContext.FallbackToCpu = true, or mlContext.GpuDeviceId = null for the CPU.");
    }
}
