using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class CheckpointLoaderTests
{
    private static readonly string[] Bert = ["bert."];

    [TestMethod]
    [DataRow("bert.", "bert.")]
    [DataRow("bert.", "")]
    [DataRow("", "bert.")]
    [DataRow("", "")]
    public void Load_PrefixOnEitherSide_FindsByName(string inFile, string inModel)
    {
        using var scope = NewDisposeScope();
        using var file = Make((inFile + "a.weight", tensor([1f, 2])), (inFile + "b.weight", tensor([3f])));
        var (a, b) = (zeros(2), zeros(1));

        var result = CheckpointLoader.Load([(inModel + "a.weight", a), (inModel + "b.weight", b)], file, Bert);

        Assert.AreEqual(inFile, result.Prefix);
        Assert.IsTrue(a.Equals(tensor([1f, 2])));
        Assert.IsTrue(b.Equals(tensor([3f])));
        Assert.IsEmpty(result.Missing);
        Assert.IsEmpty(result.Unused);
    }

    [TestMethod]
    [DataRow(double.NaN, ScalarType.Float32)]
    [DataRow(double.PositiveInfinity, ScalarType.Float16)]
    [DataRow(double.NegativeInfinity, ScalarType.BFloat16)]
    [DataRow(1e300, ScalarType.Float64)] // finite in the file, not in the model
    public void Load_ValueNotFinite_NamesTheWeight(double value, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var file = Make(("bert.a", tensor([1f])), ("bert.b", tensor([1.0, value, 2.0], dtype: ScalarType.Float64).to(type)));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => CheckpointLoader.Load([("a", zeros(1)), ("b", zeros(3))], file, Bert));

        StringAssert.Contains(error.Message, "the weight 'bert.b' has values that are not finite");
    }

    [TestMethod]
    public void Load_LargeFiniteValues_AreAccepted()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("a", full([4], 3e38f, dtype: ScalarType.Float32)));
        var a = zeros(4);

        CheckpointLoader.Load([("a", a)], file, Bert);

        Assert.AreEqual(3e38f, a[3].item<float>());
    }

    [TestMethod]
    public void Load_HeadWithoutPrefix_IsFoundBesideThePrefixedEncoder()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("bert.a", tensor([1f])), ("bert.b", tensor([2f])), ("classifier", tensor([3f])));
        var (a, classifier) = (zeros(1), zeros(1));

        var result = CheckpointLoader.Load([("a", a), ("classifier", classifier)], file, Bert);

        Assert.AreEqual(1f, a.item<float>());
        Assert.AreEqual(3f, classifier.item<float>());
        Assert.AreEqual("bert.b", string.Join(' ', result.Unused));
    }

    [TestMethod]
    public void Load_NestedPrefixes_TakesTheLongest()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("base.model.a", tensor([1f])), ("base.a", tensor([2f])), ("base.model.b", tensor([3f])));
        var (a, b) = (zeros(1), zeros(1));

        var result = CheckpointLoader.Load([("base.model.a", a), ("base.model.b", b)], file, ["base.", "base.model."]);

        Assert.AreEqual("base.model.", result.Prefix);
        Assert.AreEqual(1f, a.item<float>());
        Assert.AreEqual(3f, b.item<float>());
    }

    [TestMethod]
    public void Load_TensorFlowLayerNorm_IsAccepted()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("bert.x.LayerNorm.gamma", tensor([1f])), ("bert.x.LayerNorm.beta", tensor([2f])));
        var (weight, bias) = (zeros(1), zeros(1));

        var result = CheckpointLoader.Load([("x.LayerNorm.weight", weight), ("x.LayerNorm.bias", bias)], file, Bert);

        Assert.AreEqual(1f, weight.item<float>());
        Assert.AreEqual(2f, bias.item<float>());
        Assert.IsEmpty(result.Unused);
    }

    [TestMethod]
    public void Load_OtherPrecision_ConvertsAndReportsTheStored()
    {
        using var scope = NewDisposeScope();
        using var file = Make(
            ("a", tensor([0.5f]).to(ScalarType.Float16)), ("b", tensor([0.25]).to(ScalarType.Float64)), ("ids", tensor([4L])));
        var (a, b, ids) = (zeros(1, dtype: ScalarType.Float64), zeros(1), zeros(1, dtype: ScalarType.Int64));

        var result = CheckpointLoader.Load([("a", a), ("b", b), ("ids", ids)], file, []);

        Assert.AreEqual(0.5, a.item<double>());
        Assert.AreEqual(0.25f, b.item<float>());
        Assert.AreEqual(4L, ids.item<long>());
        Assert.AreEqual(ScalarType.Float16, result.StoredTypes["a"]);
        Assert.AreEqual(ScalarType.Float64, result.StoredTypes["b"]);
        Assert.AreEqual(ScalarType.Int64, result.StoredTypes["ids"]);
    }

    [TestMethod]
    public void Load_OptionalAbsent_IsReportedAndKeepsItsValue()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("bert.a", tensor([1f])));
        var (a, pooler) = (zeros(1), ones(1));

        var result = CheckpointLoader.Load(
            [("bert.a", a), ("bert.pooler", pooler)], file, Bert, name => name.Contains("pooler"));

        Assert.AreEqual("bert.pooler", string.Join(' ', result.Missing));
        Assert.AreEqual(1f, pooler.item<float>());
        Assert.IsFalse(result.StoredTypes.ContainsKey("bert.pooler"));
    }

    [TestMethod]
    public void Load_SeveralProblems_ListsThemAllAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using var file = Make(
            ("bert.a", tensor([1f])), ("bert.b", ones(3, 2)), ("bert.q", ones(2, dtype: ScalarType.Int8)), ("bert.s", ones(1)));
        var a = zeros(1);

        var error = Assert.ThrowsExactly<InvalidDataException>(() => CheckpointLoader.Load(
            [("a", a), ("b", zeros(2, 3)), ("q", zeros(2)), ("c", zeros(1)), ("s", zeros([]))], file, Bert, _ => false));

        StringAssert.StartsWith(error.Message, "the file x does not fit the model, which loads 5 tensors from it: ");
        StringAssert.Contains(error.Message, "bert.b has shape [3, 2], expected [2, 3]; ");
        StringAssert.Contains(error.Message, "bert.q is stored as Int8, expected Float32; ");
        StringAssert.Contains(error.Message, " c is missing; ");
        StringAssert.Contains(error.Message, "bert.s has shape [1], expected []. ");
        StringAssert.Contains(error.Message, "The file has 4 tensors: bert.a, bert.b, bert.s, bert.q.");
        Assert.AreEqual(0f, a.item<float>());
    }

    [TestMethod]
    public void Load_OptionalOfAnotherShape_Throws()
    {
        using var scope = NewDisposeScope();
        using var file = Make(("a", ones(2)));

        Assert.ThrowsExactly<InvalidDataException>(() => CheckpointLoader.Load([("a", zeros(3))], file, [], _ => true));
    }

    [TestMethod]
    public void Load_AnotherModelsFile_ListsAFewOfMany()
    {
        using var scope = NewDisposeScope();
        using var file = Make([.. Enumerable.Range(10, 20).Select(i => ($"other.{i}", ones(1)))]);
        var wanted = Enumerable.Range(10, 20).Select(i => ($"a.{i}", zeros(1)));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => CheckpointLoader.Load(wanted, file, Bert));

        StringAssert.Contains(error.Message, " a.17 is missing; and 12 more. The file has 20 tensors: other.10, ");
        StringAssert.Contains(error.Message, "other.17, and 12 more. Check");
        Assert.DoesNotContain("a.18", error.Message);
    }

    [TestMethod]
    public void Load_NamedParameters_FillsThemAndLeavesNoTensors()
    {
        using var file = SafetensorsFile.Open(
            Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", "bert", "model.safetensors"));
        using var scope = NewDisposeScope();
        var parameters = file.Names.Where(name => name.StartsWith("bert.", StringComparison.Ordinal))
            .Select(name => new NamedParameter(name["bert.".Length..], new Parameter(zeros([.. file.ShapeOf(name)]))))
            .ToArray();
        DisposeScopeManager.Statistics.Reset();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;

        var result = CheckpointLoader.Load(parameters, file, Bert);

        Assert.AreEqual(0, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
        Assert.AreEqual("classifier.bias classifier.weight", string.Join(' ', result.Unused));
        Assert.HasCount(parameters.Length, result.StoredTypes);
        foreach (var parameter in parameters)
        {
            Assert.IsTrue(parameter.Value.detach().Equals(file.Read("bert." + parameter.Name, ScalarType.Float32)));
        }
    }

    private static SafetensorsFile Make(params (string Name, Tensor Value)[] tensors)
    {
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors.Select(entry => new SafetensorsEntry(entry.Name, entry.Value)));
        return SafetensorsFile.FromMemory(stream.ToArray(), "the file x");
    }
}
