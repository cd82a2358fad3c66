using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
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

    /// <summary>
    /// What stays counted of each parameter that is made and disposed: one with TorchSharp 0.107, which counts it twice when it is made; none
    /// where it counts right.
    /// </summary>
    public static long LeftOfParameter()
    {
        var before = Settled();
        NewParameter.Of(() => zeros(1)).Dispose();
        return Tensor.TotalCount - before;
    }

    /// <summary>Parameters that were made for a network: those of the base are made once before, without memory, to compare their shapes with the file.</summary>
    public static int ParametersMade(this AdaptedNetwork network) => network.TrainableParameters.Count + (2 * network.FrozenParameters.Count());
}
