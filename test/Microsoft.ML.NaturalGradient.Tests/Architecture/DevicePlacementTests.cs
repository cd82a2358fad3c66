using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Architecture;

/// <summary>
/// No GPU takes part in these tests. What can be shown without one is that every tensor of the product is made on a device that somebody names:
/// one that is forgotten on the CPU ends the first step on a GPU.
/// </summary>
[TestClass]
public sealed class DevicePlacementTests
{
    /// <summary>Where tensors are made on the CPU on purpose, with the reason. Each place was looked at: what moves it is in the same method or in AdaptedNetwork.MoveTo.</summary>
    private static readonly Dictionary<string, string> OnTheCpu = new(StringComparer.Ordinal)
    {
        ["AdaFisherBlock..ctor: zeros"] = "one number, which only the CPU reads",
        ["DuplicateFilter.Kept: tensor"] = "of numbers that were compared on the CPU; moved at once",
        ["FrozenSource.Read: zeros"] = "what was kept is copied into it on the CPU; moved at once",
        ["GramSolver.AliveRows: tensor"] = "moved at once",
        ["LoraAdapter..ctor: empty"] = "new parameters are made on the CPU, where their generator is, and moved with the network",
        ["LoraAdapter.Drop: empty"] = "drawn where the generator is, so that every device drops the same; moved at once",
        ["NewParameter.Buffer: zeros"] = "moved with the network",
        ["NewParameter.Filled: ones"] = "moved with the network",
        ["NewParameter.Filled: zeros"] = "moved with the network",
        ["OptimizerStateTable.Add: tensor"] = "a number of the optimizer on its way into a file",
        ["PromptTuningOptions.InitialVectors: empty"] = "moved with the network",
        ["PromptTuningOptions.InitialVectors: tensor"] = "moved with the network",
        ["RotaryPositions.Create: tensor"] = "computed on the CPU, so that every device gets the same angles; moved at once",
    };

    [TestMethod]
    public void TensorsOfTheProduct_NameTheirDevice()
    {
        var found = new[] { typeof(NativeHeap), typeof(TextNetwork), typeof(IRowScorer), typeof(Optimizers) }
            .Select(type => type.Assembly.Location).Distinct().SelectMany(DevicePlacement.WithoutDevice).ToArray();

        CollectionAssert.AreEqual(OnTheCpu.Keys.Order(StringComparer.Ordinal).ToArray(), found.Distinct().Order(StringComparer.Ordinal).ToArray(), "\n" + string.Join('\n', found));
    }

    [TestMethod]
    public void WithoutDevice_FindsWhatNamesNone()
    {
        var found = DevicePlacement.WithoutDevice(typeof(DevicePlacementTests).Assembly.Location).Where(place => place.StartsWith(nameof(Examples), StringComparison.Ordinal));

        CollectionAssert.AreEqual(new[] { "Examples.Forgotten: zeros", "Examples.InLambda: ones", "Examples.WithType: arange" }, found.ToArray());
    }

    private static class Examples
    {
        public static Tensor Forgotten() => zeros(2);

        public static Tensor WithType() => arange(3, dtype: ScalarType.Float32);

        public static Func<Tensor> InLambda() => () => ones(2, 2);

        public static Tensor Named(Device device) => zeros(2, device: device);

        public static Tensor NamedWithType(Tensor like) => zeros(2, dtype: like.dtype, device: like.device);
    }
}
