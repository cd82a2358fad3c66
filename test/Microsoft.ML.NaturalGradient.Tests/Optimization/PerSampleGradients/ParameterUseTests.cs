using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
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

    /// <summary>Ids that occur in one sample only (2 positions, 40 ids), in some and twice in a sample (8 positions, 7 ids).</summary>
    [TestMethod]
    [DataRow(2, 40, 1)]
    [DataRow(2, 40, 500)]
    [DataRow(2, 40, 1 << 20)]
    [DataRow(8, 7, 1)]
    [DataRow(8, 7, 400)]
    [DataRow(8, 7, 1 << 20)]
    public void AddGram_EmbeddingInChunks_EqualsRowsTimesRows(int positions, int words, int chunkBytes)
    {
        using var scope = NewDisposeScope();
        const int samples = 5;
        var ids = arange(samples * positions).mul(11).remainder(words).view(samples, positions);
        var error = Fixture.Sine(1, 0.77, 0.25, samples, positions, 3);
        using var use = new EmbeddingUse(nn.Parameter(zeros(words, 3, ScalarType.Float64)), ids) { ChunkBytes = chunkBytes };
        var rows = zeros(samples, words, 3, ScalarType.Float64);
        for (var n = 0; n < samples; n++)
        {
            for (var t = 0; t < positions; t++)
            {
                rows[n, ids[n, t].item<long>()].add_(error[n, t]);
            }
        }

        Fixture.AssertClose(rows.flatten(1).mm(rows.flatten(1).t()), Gram(use, error), 1e-12, 1e-12);
        Fixture.AssertClose(rows, use.PerSampleGradient(error), 1e-12, 1e-12);
    }

    [TestMethod]
    [DataRow(1, 9)]
    [DataRow(3, 1)]
    [DataRow(3, 2)]
    [DataRow(5, 9)]
    [DataRow(7, 4)]
    public void PerSampleGradient_DepthwiseKernel_IsThatOfOneSampleAfterTheOther(int kernelSize, int tokens)
    {
        const int samples = 3;
        const int size = 4;
        using var scope = NewDisposeScope();
        var input = Fixture.Sine(1, 0.41, 0.15, samples, size, tokens);
        var error = Fixture.Sine(1, 0.63, 0.35, samples, size, tokens);
        using var use = new DepthwiseWeightUse(nn.Parameter(zeros([size, 1, kernelSize], ScalarType.Float64)), input);

        var actual = use.PerSampleGradient(error).view(samples, size, kernelSize);

        for (var n = 0; n < samples; n++)
        {
            for (var d = 0; d < size; d++)
            {
                for (var k = 0; k < kernelSize; k++)
                {
                    var sum = 0.0;
                    for (var t = 0; t < tokens; t++)
                    {
                        var read = t + k - (kernelSize / 2);
                        sum += read >= 0 && read < tokens ? error[n, d, t].item<double>() * input[n, d, read].item<double>() : 0;
                    }

                    Assert.AreEqual(sum, actual[n, d, k].item<double>(), 1e-12);
                }
            }
        }
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(700)]
    [DataRow(1 << 20)]
    public void AddGramAndDot_EveryRuleInChunks_EqualPerSampleGradients(int chunkBytes)
    {
        using var scope = NewDisposeScope();
        Parameter Zeros(params long[] shape) => nn.Parameter(zeros(shape, ScalarType.Float64));
        var sequence = Fixture.Sine(1, 0.7, 0.1, 4, 3, 6);
        var wide = Fixture.Sine(1, 0.41, 0.15, 4, 2, 6, 6);
        (ParameterUse Use, Tensor Error)[] cases =
        [
            (new LinearWeightUse(Zeros(5, 6), sequence) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 3, 5)),
            (new LinearWeightUse(Zeros(48, 6), sequence) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 3, 48)), // as of LoRA's B
            (new LinearWeightUse(Zeros(9, 6), sequence) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 3, 9)),
            (new LinearWeightUse(Zeros(80, 64), Fixture.Sine(1, 0.7, 0.1, 5, 20, 64)) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 5, 20, 80)), // a sum that is divided
            (new LinearWeightUse(Zeros(50, 60), Fixture.Sine(1, 0.7, 0.1, 4, 2, 60)) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 2, 50)),
            (new ConvolutionWeightUse(Zeros(5, 2, 3, 3), wide, stride: 1, padding: 1) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 0.63, 0.35, 4, 5, 6, 6)),
            (new ConvolutionWeightUse(Zeros(40, 2, 6, 6), wide, stride: 6, padding: 0) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 0.63, 0.35, 4, 40, 1, 1)),
            (new DepthwiseWeightUse(Zeros(5, 1, 3), Fixture.Sine(1, 0.41, 0.15, 4, 5, 7)) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 0.63, 0.35, 4, 5, 7)),
            (new BiasUse(Zeros(5)) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 3, 5)),
            (new ScaleUse(Zeros(6), sequence) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 3, 6)),
            (new BroadcastUse(Zeros(7, 9)) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 1.3, 0.4, 4, 7, 9)),
        ];

        foreach (var (use, error) in cases)
        {
            var rows = use.PerSampleGradient(error).flatten(1);
            var direction = Fixture.Sine(1, 0.3, 0.5, use.Parameter.shape);
            var weights = Fixture.Sine(1, 0.9, 0.2, error.shape[0]);
            Fixture.AssertClose(rows.mm(rows.t()), Gram(use, error), 1e-11, 1e-11);
            Fixture.AssertClose(rows.t().mv(weights).view_as(use.Parameter), use.Combine(error, weights), 1e-11, 1e-11);
            Fixture.AssertClose(rows.mv(direction.flatten()), use.Dot(error, direction), 1e-11, 1e-11);
            Fixture.AssertClose(use.PerSampleGradient(error).narrow(1, 1, 2), use.PerSampleSlice(error, 1, 2), 1e-12, 1e-12);
            use.Dispose();
        }
    }

    [TestMethod]
    public void AddGram_SumsInSinglePrecision_AreWithinMillionthsOfTheDiagonal()
    {
        using var scope = NewDisposeScope();
        Parameter Zeros(params long[] shape) => nn.Parameter(zeros(shape, ScalarType.Float32));
        Tensor Sine(double frequency, params long[] shape) => Fixture.Sine(1, frequency, 0.3, shape).to(ScalarType.Float32);
        var ids = arange(6 * 7).mul(11).remainder(17).view(6, 7);
        (ParameterUse Use, Tensor Error)[] cases =
        [
            (new LinearWeightUse(Zeros(300, 200), Sine(0.7, 6, 40, 200)), Sine(1.3, 6, 40, 300)), // formed
            (new LinearWeightUse(Zeros(300, 200), Sine(0.7, 6, 3, 200)), Sine(1.3, 6, 3, 300)), // pairs of positions
            (new EmbeddingUse(Zeros(17, 300), ids), Sine(0.77, 6, 7, 300)),
            (new BroadcastUse(Zeros(7, 900)), Sine(0.4, 6, 7, 900)),
        ];

        foreach (var (use, error) in cases)
        {
            var rows = use.PerSampleGradient(error).flatten(1).to(ScalarType.Float64);
            var (exact, rounded) = (Gram(use, error), Gram(use, error, ScalarType.Float32));
            Fixture.AssertClose(rows.mm(rows.t()), exact, 1e-6, 1e-6 * exact.diagonal().mean().item<double>()); // rows themselves are rounded
            var difference = rounded.sub(exact).abs().max().item<double>() / exact.diagonal().mean().item<double>();
            Fixture.AssertLess(1e-5, difference);
            Assert.AreNotEqual(0, difference, "Nothing was added up in single precision.");
            use.Dispose();
        }
    }

    private static EmbeddingUse Embedding(TorchSharp.Modules.Parameter table) =>
        new(table, Fixture.Read("spec/gram_layers.json").GetProperty("embedding").GetProperty("ids").ToTensor().to(ScalarType.Int64));

    private static Tensor Gram(ParameterUse use, Tensor error, ScalarType type = ScalarType.Float64)
    {
        var gram = zeros(error.shape[0], error.shape[0], ScalarType.Float64);
        use.AddGram(gram, error, type);
        return gram;
    }
}
