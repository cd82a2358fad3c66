using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>Counts tensors for tests of leaks.</summary>
internal static class LiveTensors
{
    /// <summary>Tensors that are alive, after the finalizers of what earlier tests left behind have run: from here on only the test itself changes the number.</summary>
    public static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return Tensor.TotalCount;
    }
}
