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
    /// <summary>Tensors that are made on the CPU on purpose, with the reason.</summary>
    private static readonly Dictionary<string, string> OnTheCpu = new(StringComparer.Ordinal)
    {
    };

    [TestMethod]
    public void TensorsOfTheProduct_NameTheirDevice()
    {
        var found = new[] { typeof(NativeHeap), typeof(TextNetwork), typeof(IRowScorer), typeof(Optimizers) }
            .Select(type => type.Assembly.Location).Distinct().SelectMany(DevicePlacement.WithoutDevice).ToArray();

        CollectionAssert.AreEqual(OnTheCpu.Keys.Order(StringComparer.Ordinal).ToArray(), found.Distinct().ToArray(), "\n" + string.Join('\n', found));
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
