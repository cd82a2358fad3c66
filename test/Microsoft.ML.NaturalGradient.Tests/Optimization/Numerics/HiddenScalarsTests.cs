using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Numerics;

/// <summary>TorchSharp's methods that make a Scalar inside are banned, all of them, in the library.</summary>
[TestClass]
public sealed class HiddenScalarsTests
{
    private static readonly Lazy<IReadOnlyList<string>> Found = new(() => HiddenScalars.Find(typeof(Tensor).Assembly.Location));

    [TestMethod]
    public void BannedSymbols_ReferencedTorchSharp_AreAllItsHiddenScalars()
    {
        var banned = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Fixtures", "BannedSymbols.Scalars.txt"))
            .Select(line => line.Split(';')[0])
            .ToArray();

        var missing = Found.Value.Except(banned).ToArray();
        var gone = banned.Except(Found.Value).ToArray();

        Assert.IsTrue(
            missing.Length + gone.Length == 0,
            $"BannedSymbols.Scalars.txt fits another TorchSharp. Add:\n{string.Join('\n', missing)}\nRemove:\n{string.Join('\n', gone)}");
    }

    [TestMethod]
    [DataRow("M:TorchSharp.torch.Tensor.square")] // by itself
    [DataRow("M:TorchSharp.torch.Tensor.op_Addition(TorchSharp.torch.Tensor,TorchSharp.torch.Tensor)")] // by what it calls
    [DataRow("M:TorchSharp.TensorExtensionMethods.ToDouble(TorchSharp.torch.Tensor)")]
    [DataRow("M:TorchSharp.Scalar.op_Implicit(System.Double)~TorchSharp.Scalar")]
    [DataRow("M:TorchSharp.torch.nn.Mish")] // by forward of the module that it constructs
    [DataRow("P:TorchSharp.Modules.Normal.variance")]
    public void Find_MemberThatMakesAScalar_IsFound(string member) => CollectionAssert.Contains(Found.Value.ToArray(), member);

    [TestMethod]
    [DataRow("M:TorchSharp.torch.Tensor.op_Subtraction(TorchSharp.torch.Tensor,TorchSharp.torch.Tensor)")]
    [DataRow("M:TorchSharp.torch.Tensor.add(TorchSharp.torch.Tensor,TorchSharp.Scalar)")]
    [DataRow("M:TorchSharp.torch.Tensor.item``1")]
    [DataRow("M:TorchSharp.torch.nn.Linear(System.Int64,System.Int64,System.Boolean,TorchSharp.torch.Device,System.Nullable{TorchSharp.torch.ScalarType})")]
    public void Find_MemberThatMakesNone_IsNotFound(string member) => CollectionAssert.DoesNotContain(Found.Value.ToArray(), member);

    // The analyzer does not look at a compound assignment, as in a += b.
    [TestMethod]
    public void Library_OutsideTensorMath_UsesNone()
    {
        var uses = new[] { typeof(TensorMath), typeof(TextEncoder), typeof(TextClassificationTrainer) }
            .SelectMany(type => HiddenScalars.Uses(type.Assembly.Location, Found.Value.ToHashSet()))
            .ToLookup(use => use.Caller == typeof(TensorMath).FullName);

        Assert.IsNotEmpty(uses[true]);
        Assert.IsEmpty(uses[false], string.Join('\n', uses[false]));
    }
}
