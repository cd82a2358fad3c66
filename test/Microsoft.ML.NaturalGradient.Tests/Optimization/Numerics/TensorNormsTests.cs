using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Numerics;

[TestClass]
public sealed class TensorNormsTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(131072)]
    [DataRow(131073)]
    [DataRow(300_001)]
    public void Inner_AnyLength_EqualsSumOfProducts(int length)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Fixture.Sine(1, 0.7, 0.3, length), Fixture.Sine(1, 0.9, 0.1, length));

        Assert.AreEqual(a.mul(b).sum().item<double>(), a.Inner(b), 1e-10 * length);
        Assert.AreEqual(a.square().sum().sqrt().item<double>(), a.Norm(), 1e-12 * length);
        Assert.AreEqual(a.square().mean().sqrt().item<double>(), a.Rms(), 1e-12);
    }

    [TestMethod]
    public void Norm_Float32_IsSummedInFloat64()
    {
        using var scope = NewDisposeScope();
        var a = full([1 << 20], 0.1f, dtype: ScalarType.Float32);

        Assert.AreEqual(1024 * (double)0.1f, a.Norm(), 1e-11);
    }

    [TestMethod]
    public void Inner_TransposedOrMixedTypes_FollowsTheEntries()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Fixture.Sine(1, 0.7, 0.3, 3, 4).t(), Fixture.Sine(1, 0.9, 0.1, 4, 3).to(ScalarType.Float32));

        Assert.AreEqual(a.mul(b).sum().item<double>(), a.Inner(b), 1e-12);
    }

    [TestMethod]
    public void Norm_ScalarEmptyAndSeveral_AreDefined()
    {
        using var scope = NewDisposeScope();

        Assert.AreEqual(3, tensor(-3.0).Norm());
        Assert.AreEqual(0, zeros(0).Norm());
        Assert.AreEqual(5, new[] { tensor(3.0), tensor(new[] { 0.0, 4.0 }) }.Norm(), 1e-15);
    }

    [TestMethod]
    public void Norm_Infinite_StaysInfinite()
    {
        using var scope = NewDisposeScope();

        Assert.IsFalse(double.IsFinite(tensor(new[] { 1.0, double.PositiveInfinity }).Norm()));
    }
}
