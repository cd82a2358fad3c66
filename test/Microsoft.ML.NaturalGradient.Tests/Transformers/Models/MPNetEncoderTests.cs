using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>What the reference checkpoint does not show: long texts, and rows of the table beyond those that are read.</summary>
[TestClass]
public sealed class MPNetEncoderTests
{
    private const int Tokens = 160; // beyond the farthest distance with a bucket of its own, and long enough for the fused kernel
    private const string Table = "encoder.relative_attention_bias.weight";

    [TestMethod]
    public void Encode_LongBatch_GradientOfPositionsEqualsExplicitAttention()
    {
        using var scope = NewDisposeScope();
        using var encoder = CreateRandom();
        using var batch = Batch();

        var fused = Gradient(encoder, batch);
        using var forced = MultiHeadAttention.ForceExplicit();
        var expected = Gradient(encoder, batch);

        Fixture.AssertClose(expected, fused, 1e-10, 1e-10);
        // Every bucket is read but the one for later positions at distance zero.
        Assert.AreEqual(31, expected.abs().amin([1L]).GreaterThan(1e-6).sum().item<long>());
    }

    [TestMethod]
    public void Encode_TableWithMoreRows_ReadsTheFirst32()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var usual = CreateRandom();
        using var longer = CreateRandom(("relative_attention_num_buckets", 40));
        using var batch = Batch();
        foreach (var ((_, from), (name, to)) in usual.named_parameters().Zip(longer.named_parameters()))
        {
            to[..(int)from.shape[0]].copy_(from);
            if (name == Table)
            {
                _ = to[32..].fill_(double.NaN);
            }
        }

        Assert.IsTrue(usual.Encode(batch).eq(longer.Encode(batch)).all().item<bool>());
    }

    private static Tensor Gradient(TextEncoder encoder, TokenBatch batch)
    {
        var table = encoder.named_parameters().Single(named => named.name == Table).parameter;
        var states = encoder.Encode(batch);
        autograd.backward([states], [Fixture.Sine(1, 0.7, 0.2, states.shape)], false, false, [table]);
        var gradient = table.grad!.clone();
        table.grad = null;
        return gradient;
    }

    private static TextEncoder CreateRandom(params (string Field, object? Value)[] changes)
    {
        using var files = new EncoderFixture("mpnet").OpenFiles([("max_position_embeddings", Tokens + 10), .. changes]);
        var config = ModelConfig.Read(files);
        var encoder = (TextEncoder)Architectures.ForTexts(config).Create(config);
        _ = encoder.to(ScalarType.Float64);
        using var noGrad = no_grad();
        using var generator = new Generator(3);
        foreach (var parameter in encoder.parameters())
        {
            parameter.normal_(0, 0.3, generator);
        }

        return encoder;
    }

    // Two rows, the second of which has a fifth of padding.
    private static TokenBatch Batch()
    {
        var ids = arange(Tokens * 2L).view(2, Tokens).remainder(50).add(5);
        var mask = ones_like(ids);
        mask[1, (Tokens * 4 / 5)..] = tensor(0L);
        return new TokenBatch(ids, mask, zeros_like(ids), isPadded: true);
    }
}
