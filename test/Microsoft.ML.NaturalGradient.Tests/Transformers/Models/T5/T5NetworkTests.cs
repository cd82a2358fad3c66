using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

[TestClass]
public sealed class T5NetworkTests
{
    [TestMethod]
    [DataRow(T5Fixture.Tied)]
    [DataRow(T5Fixture.Gated)]
    public void States_ReferenceCheckpoint_EqualReference(string folder)
    {
        using var network = T5Fixture.Load(folder);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var reference = Fixture.Read($"{folder}/reference.json");
        using var inputs = T5Fixture.Inputs(reference);
        var mask = network.Mask(inputs);

        Tensor[] encoded = [.. network.Encode(network.Embed(inputs.Ids), mask, inputs.Packed()).Select(states => states.Apart())];
        var decoded = network.Decode(network.Embed(T5Fixture.ShiftRight(T5Fixture.Labels(reference))), encoded[^1], mask);

        var isRead = inputs.Mask.eq(1).unsqueeze(-1); // what stands at padding has no meaning
        Fixture.AssertClose(reference.GetProperty("encoder_hidden_states").ToTensor().mul(isRead), stack(encoded).mul(isRead), 1e-9);
        Fixture.AssertClose(reference.GetProperty("decoder_hidden_states").ToTensor(), stack(decoded), 1e-9);
        Fixture.AssertClose(reference.GetProperty("logits").ToTensor(), network.Logits(decoded[^1]), 1e-9);
    }

    [TestMethod]
    [DataRow(T5Fixture.Tied, false)]
    [DataRow(T5Fixture.Gated, false)]
    [DataRow(T5Fixture.Tied, true)]
    [DataRow(T5Fixture.Gated, true)]
    public void Capture_AllParametersTrainable_LossesAndGradientNormsEqualReference(string folder, bool computesPadding)
    {
        using var padded = PackedRows.Forbid(computesPadding);
        using var network = LoadTrainable(folder);
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{folder}/reference.json");

        using var batch = T5Fixture.Evaluate(network, reference);
        using var captured = batch.Capture(batch.LogitGradients);
        var sums = captured.Combine(ones(3, dtype: ScalarType.Float64));

        Fixture.AssertClose(reference.GetProperty("loss_per_sample").ToTensor(), batch.Losses, 1e-9);
        var named = network.named_parameters().ToArray();
        var norms = reference.GetProperty("gradient_norms");
        Assert.AreEqual(norms.EnumerateObject().Count(), named.Length);
        foreach (var (name, value) in named)
        {
            var expected = norms.GetProperty(name).GetDouble();
            Assert.AreEqual(expected, sums[value].norm().item<double>(), (1e-9 * expected) + 1e-10, name);
        }
    }

    [TestMethod]
    [DataRow(T5Fixture.Tied)]
    [DataRow(T5Fixture.Gated)]
    public void Rows_AllParametersTrainable_EqualOneSampleAtATime(string folder)
    {
        using var network = LoadTrainable(folder);
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{folder}/reference.json");
        using var batch = T5Fixture.Evaluate(network, reference);
        using var captured = batch.Capture(batch.LogitGradients);

        var expected = OneAtATime(network, reference, [.. captured.Parameters]);

        Assert.HasCount(network.parameters().Count(), captured.Parameters);
        Fixture.AssertClose(expected, captured.Rows(), 1e-9, 1e-11);
        Fixture.AssertClose(expected.mm(expected.t()), captured.Gram(), 1e-9);
        Fixture.AssertClose(expected.mm(expected.t()), captured.Gram(2000), 1e-9);
    }

    [TestMethod]
    [DataRow("shared.weight")]
    [DataRow("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")]
    [DataRow("decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")]
    [DataRow("encoder.block.1.layer.0.SelfAttention.k.weight")]
    [DataRow("decoder.block.0.layer.1.EncDecAttention.v.weight")]
    [DataRow("decoder.block.1.layer.2.DenseReluDense.wo.weight")]
    [DataRow("encoder.block.0.layer.1.layer_norm.weight")]
    [DataRow("decoder.final_layer_norm.weight")]
    public void Gram_OneParameterTrainable_EqualsOneSampleAtATime(string name)
    {
        using var network = T5Fixture.Load(T5Fixture.Tied);
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{T5Fixture.Tied}/reference.json");
        var parameter = network.named_parameters().Single(pair => pair.name == name).parameter;
        parameter.requires_grad = true;

        using var batch = T5Fixture.Evaluate(network, reference);
        using var captured = batch.Capture(batch.LogitGradients);

        var rows = OneAtATime(network, reference, [parameter]);
        Assert.AreEqual(parameter.Handle, captured.Parameters.Single().Handle);
        Assert.IsGreaterThan(1e-4, rows.square().sum(1).min().item<double>());
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-9, 1e-12);
        var direction = Fixture.Sine(1, 0.7, 0.2, parameter.shape);
        Fixture.AssertClose(
            rows.mv(direction.flatten()), captured.Dot(new ParameterVector([parameter], [direction])), 1e-9, 1e-12);
    }

    [TestMethod]
    public void Encode_PaddedBatch_LeavesThePaddingOut()
    {
        using var network = T5Fixture.Load(T5Fixture.Gated);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Gated}/reference.json"));

        var states = network.Encode(network.Embed(inputs.Ids), network.Mask(inputs), inputs.Packed())[^1];

        CollectionAssert.AreEqual(new[] { 1, inputs.Mask.sum().item<long>(), network.HiddenSize }, states.Vectors.shape);
        Assert.AreEqual(0, states.Apart().mul(inputs.Mask.eq(0).unsqueeze(-1)).abs().sum().item<double>());
    }

    [TestMethod]
    public void Decode_SeveralRowsOfOneText_EqualOneAtATime()
    {
        using var network = T5Fixture.Load(T5Fixture.Gated);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Gated}/reference.json"));
        var mask = network.Mask(inputs);
        var memory = network.Encode(network.Embed(inputs.Ids), mask, inputs.Packed())[^1].Apart();
        var rows = tensor(new long[,] { { 0, 5, 9 }, { 0, 7, 7 } }); // g = 2 for each of three texts

        var together = network.Decode(network.Embed(rows.repeat(3, 1)), memory, mask)[^1].view(3, 2, 3, -1);

        for (var row = 0; row < 2; row++)
        {
            var ids = rows[row..(row + 1)].repeat(3, 1);
            Fixture.AssertClose(network.Decode(network.Embed(ids), memory, mask)[^1], together.select(1, row), 1e-12);
        }
    }

    [TestMethod]
    public void Decode_LaterTokenChanged_LeavesEarlierVectors()
    {
        using var network = T5Fixture.Load(T5Fixture.Tied);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var inputs = T5Fixture.Inputs(Fixture.Read($"{T5Fixture.Tied}/reference.json"));
        var memory = network.Encode(network.Embed(inputs.Ids), null)[^1].Apart();

        var first = network.Decode(network.Embed(tensor(new long[,] { { 0, 5, 9 } }).repeat(3, 1)), memory, null)[^1];
        var second = network.Decode(network.Embed(tensor(new long[,] { { 0, 5, 8 } }).repeat(3, 1)), memory, null)[^1];

        Fixture.AssertClose(first.narrow(1, 0, 2), second.narrow(1, 0, 2), 0, 1e-15);
        Assert.IsFalse(first.allclose(second));
    }

    [TestMethod]
    public void Gram_DecoderAndHead_TakeTheGhostFormAndEqualMaterialised()
    {
        Assert.IsTrue(LinearWeightUse.PrefersGhost(32, 2, 768, 768));
        Assert.IsTrue(LinearWeightUse.PrefersGhost(32, 2, 768, 32128));
        Assert.IsFalse(LinearWeightUse.PrefersGhost(32, 100, 768, 768));
        using var network = T5Fixture.Load(T5Fixture.Gated);
        using var scope = NewDisposeScope();
        string[] layers = ["lm_head.weight", "decoder.block.1.layer.0.SelfAttention.o.weight", "decoder.block.1.layer.2.DenseReluDense.wi_1.weight"];
        foreach (var (name, parameter) in network.named_parameters())
        {
            parameter.requires_grad = layers.Contains(name);
        }

        using var batch = T5Fixture.Evaluate(network, Fixture.Read($"{T5Fixture.Gated}/reference.json"));
        using var captured = batch.Capture(batch.LogitGradients);

        foreach (var parameter in captured.Parameters)
        {
            Assert.IsTrue(LinearWeightUse.PrefersGhost(3, 3, parameter.shape[1], parameter.shape[0]));
        }

        Assert.HasCount(3, captured.Parameters);
        var rows = captured.Rows();
        Fixture.AssertClose(rows.mm(rows.t()), captured.Gram(), 1e-12);
    }

    // A tied table of a real vocabulary: its per-sample gradients [N, V, D] would take 525 MB in float64 and are formed in slices.
    [TestMethod]
    public void Gram_TiedLargeVocabulary_EqualsTokenByToken()
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(zeros(32128, 512));
        var ids = tensor(new long[,] { { 4, 32127, 4, 0 }, { 9, 9, 31000, 17000 }, { 32127, 5, 4, 1 }, { 4, 4, 4, 4 } });
        var (embedded, hidden, logits) = (Sine(0.3, 4, 4, 512), Sine(0.7, 4, 2, 512), Sine(0.9, 4, 2, 32128));
        using var captured = new CapturedGradients([(new EmbeddingUse(table, ids), embedded), (new LinearWeightUse(table, hidden), logits)]);

        var gram = captured.Gram();

        Fixture.AssertClose(NaiveTiedGram(ids, embedded, hidden, logits), gram, 1e-5); // float32 entries

        static Tensor Sine(double frequency, params long[] shape) => Fixture.Sine(1, frequency, 0.2, shape).to(ScalarType.Float32);
    }

    [TestMethod]
    public void Capture_Twice_LeavesNoTensorBehind()
    {
        using var network = LoadTrainable(T5Fixture.Tied);
        var reference = Fixture.Read($"{T5Fixture.Tied}/reference.json");
        Step();
        var before = LiveTensors.Settled();

        Step();

        Assert.AreEqual(before, Tensor.TotalCount);

        void Step()
        {
            using var scope = NewDisposeScope();
            using var batch = T5Fixture.Evaluate(network, reference);
            using var captured = batch.Capture(batch.LogitGradients);
            captured.Gram();
            captured.Combine(ones(3));
        }
    }

    private static T5Network LoadTrainable(string folder)
    {
        var network = T5Fixture.Load(folder);
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = true;
        }

        return network;
    }

    // Look-up with look-up, head with head, and the two cross terms, token by token.
    private static Tensor NaiveTiedGram(Tensor ids, Tensor embedded, Tensor hidden, Tensor logits)
    {
        var (samples, tokens, steps) = (ids.shape[0], ids.shape[1], hidden.shape[1]);
        var gram = new double[samples, samples];
        for (var n = 0; n < samples; n++)
        {
            for (var m = 0; m < samples; m++)
            {
                for (var t = 0; t < tokens; t++)
                {
                    for (var u = 0; u < tokens; u++)
                    {
                        gram[n, m] += ids[n, t].item<long>() == ids[m, u].item<long>() ? Inner(embedded[n, t], embedded[m, u]) : 0;
                    }

                    for (var u = 0; u < steps; u++)
                    {
                        gram[n, m] += logits[m, u, ids[n, t].item<long>()].item<float>() * Inner(embedded[n, t], hidden[m, u]);
                        gram[n, m] += logits[n, u, ids[m, t].item<long>()].item<float>() * Inner(embedded[m, t], hidden[n, u]);
                    }
                }

                for (var t = 0; t < steps; t++)
                {
                    for (var u = 0; u < steps; u++)
                    {
                        gram[n, m] += Inner(logits[n, t], logits[m, u]) * Inner(hidden[n, t], hidden[m, u]);
                    }
                }
            }
        }

        return tensor(gram);

        static double Inner(Tensor a, Tensor b) => a.to(ScalarType.Float64).dot(b.to(ScalarType.Float64)).item<double>();
    }

    // Each text alone, without its padding, by ordinary backward passes.
    private static Tensor OneAtATime(T5Network network, JsonElement reference, Parameter[] parameters)
    {
        using var inputs = T5Fixture.Inputs(reference);
        var labels = T5Fixture.Labels(reference);
        var rows = new List<Tensor>();
        for (var n = 0; n < inputs.SampleCount; n++)
        {
            var length = inputs.Mask[n].sum().item<long>();
            var single = new TokenBatch(
                inputs.Ids.narrow(0, n, 1).narrow(1, 0, length), inputs.Mask.narrow(0, n, 1).narrow(1, 0, length), inputs.TypeIds, isPadded: false);
            using var batch = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(), labels.narrow(0, n, 1), false, () => T5Fixture.Forward(network, single, labels.narrow(0, n, 1)));
            rows.Add(cat([.. batch.MeanGradient(parameters).Select(gradient => gradient.flatten())]));
        }

        return stack(rows);
    }
}
