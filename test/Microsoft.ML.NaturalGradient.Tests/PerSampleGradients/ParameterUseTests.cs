using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.PerSampleGradients;

[TestClass]
public sealed class ParameterUseTests
{
    [TestMethod]
    public void AddGram_LinearOverSequence_EqualsReference()
    {
        using var scope = NewDisposeScope();
        var reference = Fixture.Read("spec/gram_layers.json").GetProperty("linear_seq");
        var weights = Fixture.Sine(1, 0.9, 0.2, 3);
        var error = Fixture.Sine(1, 1.3, 0.4, 3, 4, 2);
        using var weight = new LinearWeightUse(nn.Parameter(zeros(2, 5, ScalarType.Float64)), Fixture.Sine(1, 0.7, 0.1, 3, 4, 5));
        using var bias = new BiasUse(nn.Parameter(zeros(2, ScalarType.Float64)));

        Fixture.AssertClose(reference.GetProperty("gram_weight").ToTensor(), Gram(weight, error));
        Fixture.AssertClose(reference.GetProperty("gram_bias").ToTensor(), Gram(bias, error));
        Fixture.AssertClose(reference.GetProperty("update_weight").ToTensor(), weight.Combine(error, weights));
        Fixture.AssertClose(reference.GetProperty("update_bias").ToTensor(), bias.Combine(error, weights));
    }

    [TestMethod]
    [DataRow(2, 40, 30)]
    [DataRow(30, 3, 4)]
    public void AddGram_LinearGhostAndMaterialised_EqualRowsTimesRows(int positions, int inputSize, int outputSize)
    {
        using var scope = NewDisposeScope();
        var error = Fixture.Sine(1, 1.3, 0.4, 4, positions, outputSize);
        using var use = new LinearWeightUse(
            nn.Parameter(zeros(outputSize, inputSize, ScalarType.Float64)), Fixture.Sine(1, 0.7, 0.1, 4, positions, inputSize));
        var rows = use.PerSampleGradient(error).flatten(1);

        Assert.AreEqual(positions == 2, LinearWeightUse.PrefersGhost(4, positions, inputSize, outputSize));
        Fixture.AssertClose(rows.mm(rows.t()), Gram(use, error));
    }

    [TestMethod]
    public void AddGram_Normalisations_EqualReference()
    {
        using var scope = NewDisposeScope();
        var fixture = Fixture.Read("spec/gram_layers.json");
        var input = Fixture.Sine(1.7, 0.35, 0.2, 3, 4, 5);
        var error = Fixture.Sine(1, 0.91, 0.6, 3, 4, 5);
        var parameter = nn.Parameter(ones(5, ScalarType.Float64));
        var centred = input.sub(input.mean([-1L], keepdim: true));
        using var layerNorm = new ScaleUse(parameter, centred.div(centred.square().mean([-1L], keepdim: true).add(1e-5).sqrt()));
        using var rmsNorm = new ScaleUse(parameter, input.div(input.square().mean([-1L], keepdim: true).add(1e-6).sqrt()));
        using var shift = new BiasUse(parameter);

        Fixture.AssertClose(fixture.GetProperty("layernorm").GetProperty("gram_gamma").ToTensor(), Gram(layerNorm, error));
        Fixture.AssertClose(fixture.GetProperty("layernorm").GetProperty("gram_beta").ToTensor(), Gram(shift, error));
        Fixture.AssertClose(fixture.GetProperty("rmsnorm_t5").GetProperty("gram_weight").ToTensor(), Gram(rmsNorm, error));
    }

    [TestMethod]
    public void AddGram_EmbeddingAndBroadcast_EqualReference()
    {
        using var scope = NewDisposeScope();
        var fixture = Fixture.Read("spec/gram_layers.json");
        var error = Fixture.Sine(1, 0.77, 0.25, 3, 4, 2);
        using var embedding = Embedding(nn.Parameter(zeros(4, 2, ScalarType.Float64)));
        using var broadcast = new BroadcastUse(nn.Parameter(zeros(4, 2, ScalarType.Float64)));

        Fixture.AssertClose(fixture.GetProperty("embedding").GetProperty("gram").ToTensor(), Gram(embedding, error));
        Fixture.AssertClose(fixture.GetProperty("broadcast_param(prompt/pos/cls)").GetProperty("gram").ToTensor(), Gram(broadcast, error));
    }

    [TestMethod]
    public void AddGram_Convolutions_EqualReference()
    {
        using var scope = NewDisposeScope();
        var fixture = Fixture.Read("spec/gram_layers.json");
        var input = Fixture.Sine(1, 0.41, 0.15, 3, 2, 4, 4);
        var kernel = nn.Parameter(zeros(2, 2, 2, 2, ScalarType.Float64));
        var wide = nn.Parameter(zeros(2, 2, 3, 3, ScalarType.Float64));
        using var patch = new ConvolutionWeightUse(kernel, input, stride: 2, padding: 0);
        using var padded = new ConvolutionWeightUse(wide, input, stride: 1, padding: 1);
        using var bias = new ChannelBiasUse(nn.Parameter(zeros(2, ScalarType.Float64)));
        var patchError = Fixture.Sine(1, 0.63, 0.35, 3, 2, 2, 2);

        Fixture.AssertClose(fixture.GetProperty("conv_patch").GetProperty("gram_weight").ToTensor(), Gram(patch, patchError));
        Fixture.AssertClose(fixture.GetProperty("conv_patch").GetProperty("gram_bias").ToTensor(), Gram(bias, patchError));
        Fixture.AssertClose(
            fixture.GetProperty("conv3x3_pad1").GetProperty("gram_weight").ToTensor(), Gram(padded, Fixture.Sine(1, 0.63, 0.35, 3, 2, 4, 4)));
    }

    [TestMethod]
    public void Gram_TiedEmbeddingAndHead_IncludesCrossTerms()
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(zeros(4, 2, ScalarType.Float64));
        using var captured = new CapturedGradients(
        [
            (Embedding(table), Fixture.Sine(1, 0.77, 0.25, 3, 4, 2)),
            (new LinearWeightUse(table, Fixture.Sine(1, 0.52, 0.7, 3, 4, 2)), Fixture.Sine(0.5, 0.33, 0.8, 3, 4, 4)),
        ]);

        using var gram = captured.Gram();

        Fixture.AssertClose(Fixture.Read("spec/gram_layers.json").GetProperty("tied_embedding_head").GetProperty("gram").ToTensor(), gram);
    }

    [TestMethod]
    public void CombineAndDot_EveryRule_EqualTheirPerSampleGradients()
    {
        using var scope = NewDisposeScope();
        var direction = Fixture.Sine(1, 0.3, 0.5, 4, 2);
        var error = Fixture.Sine(1, 0.77, 0.25, 3, 4, 2);
        var weights = Fixture.Sine(1, 0.9, 0.2, 3);
        var linearError = Fixture.Sine(0.5, 0.33, 0.8, 3, 4, 4);
        using var embedding = Embedding(nn.Parameter(zeros(4, 2, ScalarType.Float64)));
        using var linear = new LinearWeightUse(nn.Parameter(zeros(4, 2, ScalarType.Float64)), Fixture.Sine(1, 0.52, 0.7, 3, 4, 2));

        foreach (var (use, gradient) in new (ParameterUse, Tensor)[] { (embedding, error), (linear, linearError) })
        {
            var rows = use.PerSampleGradient(gradient).flatten(1);
            Fixture.AssertClose(rows.t().mv(weights).view(4, 2), use.Combine(gradient, weights));
            Fixture.AssertClose(rows.mv(direction.flatten()), use.Dot(gradient, direction));
        }
    }

    private static EmbeddingUse Embedding(TorchSharp.Modules.Parameter table) =>
        new(table, Fixture.Read("spec/gram_layers.json").GetProperty("embedding").GetProperty("ids").ToTensor().to(ScalarType.Int64));

    private static Tensor Gram(ParameterUse use, Tensor error)
    {
        var gram = zeros(error.shape[0], error.shape[0], ScalarType.Float64);
        use.AddGram(gram, error);
        return gram;
    }
}
