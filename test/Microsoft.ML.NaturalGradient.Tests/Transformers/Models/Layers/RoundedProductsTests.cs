using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

/// <summary>Products of numbers rounded to bfloat16, against products of the same rounded numbers in float64.</summary>
[TestClass]
public sealed class RoundedProductsTests
{
    private const int Rows = 7;
    private const int Inputs = 24;
    private const int Outputs = 10;
    private const double Unit = 1.0 / 256; // half the distance of two numbers of bfloat16 next to 1

    [TestMethod]
    [DataRow(ScalarType.Float32)]
    [DataRow(ScalarType.Float64)]
    public void Map_OutputAndGradient_AreThoseOfRoundedNumbers(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var layer = Layer(type);
        layer.RoundProducts(true);
        Assert.IsTrue(layer.IsRounded);
        var input = Draw([Rows, Inputs], 2).to(type).requires_grad_();
        var direction = Draw([Rows, Outputs], 3).to(type);

        var output = layer.call(input);
        output.backward([direction]);

        Assert.AreEqual(type, output.dtype);
        var (weight, bias) = (Rounded(layer.OwnWeight), layer.parameters().Last().to(ScalarType.Float64));
        AssertRounded(Rounded(input).mm(weight.t()), output.to(ScalarType.Float64).sub(bias));
        AssertRounded(Rounded(direction).mm(weight), input.grad!.to(ScalarType.Float64));
    }

    [TestMethod]
    public void RoundProducts_TakenBack_IsTheLayerAsItWas()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var layer = Layer(ScalarType.Float32);
        var input = Draw([Rows, Inputs], 2).to(ScalarType.Float32);
        var before = layer.call(input);

        layer.RoundProducts(true);
        Assert.IsFalse(layer.call(input).Equals(before));
        layer.RoundProducts(false);

        Assert.IsTrue(layer.call(input).Equals(before));
        Assert.HasCount(2, layer.parameters().ToArray());
        Assert.IsEmpty(layer.named_buffers());
    }

    [TestMethod]
    public void RoundProducts_TrainedWeight_StaysAsItIs()
    {
        using var scope = NewDisposeScope();
        var layer = Layer(ScalarType.Float32);
        foreach (var parameter in layer.parameters())
        {
            parameter.requires_grad = true;
        }

        layer.RoundProducts(true);

        Assert.IsFalse(layer.IsRounded);
    }

    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void Gradients_OfLoRA_AreNearThoseOfExactProducts(string encoder)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(encoder);
        using var inputs = fixture.Inputs();
        var (exact, rounded) = (Gradients(false), Gradients(true));

        var cosine = exact.dot(rounded).div(exact.norm().mul(rounded.norm())).item<double>();
        Fixture.AssertLess(cosine, 0.99);
        Assert.IsFalse(exact.Equals(rounded));

        Tensor Gradients(bool isRounded)
        {
            using var classifier = fixture.CreateClassifier();
            EncoderFixture.Perturb(classifier);
            classifier.RoundFrozenProducts(isRounded);
            nn.functional.cross_entropy(classifier.Forward(inputs), fixture.Reference.GetProperty("labels").ToTensor().to(ScalarType.Int64)).backward();
            return cat([.. classifier.TrainableParameters.Select(named => named.Value.grad!.flatten())]).to(ScalarType.Float64);
        }
    }

    // Rounding to 8 digits would hide what a small move of the parameters does.
    [TestMethod]
    [DynamicData(nameof(EncoderFixture.OfTexts), typeof(EncoderFixture))]
    public void LogitChange_Rounded_IsThatOfFullProducts(string encoder)
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture(encoder);
        using var inputs = fixture.Inputs();

        Fixture.AssertClose(Change(false), Change(true), 1e-10, 1e-12);

        Tensor Change(bool isRounded)
        {
            using var classifier = fixture.CreateClassifier();
            EncoderFixture.Perturb(classifier);
            classifier.RoundFrozenProducts(isRounded);
            classifier.SetTraining(false);
            using var batch = fixture.Evaluate(classifier, inputs);
            var before = batch.Logits.detach().clone();
            var parameters = ParameterSet.Of([.. classifier.TrainableParameters.Select(named => named.Value)]);
            var direction = new ParameterVector(parameters, parameters.Select(parameter => Fixture.Sine(1, 0.7, 0.1, parameter.shape)));

            var change = new FisherProducts(batch, parameters).LogitChange(direction);

            Assert.IsTrue(classifier.Forward(inputs).detach().Equals(before)); // as rounded as before
            return change;
        }
    }

    private static LinearLayer Layer(ScalarType type)
    {
        var layer = new LinearLayer(Inputs, Outputs);
        layer.Set(Draw([Outputs, Inputs], 4), Draw([Outputs], 5));
        _ = layer.to(type);
        foreach (var parameter in layer.parameters())
        {
            parameter.requires_grad = false;
        }

        return layer;
    }

    private static Tensor Draw(long[] shape, ulong seed)
    {
        using var generator = new Generator(seed);
        return randn(shape, dtype: ScalarType.Float64, generator: generator);
    }

    private static Tensor Rounded(Tensor a) => a.detach().to(ScalarType.BFloat16).to(ScalarType.Float64);

    // The sum is rounded once more, and what was added for the bias is a float32.
    private static void AssertRounded(Tensor expected, Tensor actual) => Fixture.AssertClose(expected, actual, 1.01 * Unit, 1e-5);
}
