using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

/// <summary>The fused kernel against attention written out, in float64.</summary>
[TestClass]
public sealed class MultiHeadAttentionTests
{
    private const int Long = MultiHeadAttention.FusedFrom + 3;

    [TestMethod]
    [DataRow("none")]
    [DataRow("padding")]
    [DataRow("window")]
    public void Attend_LongSequence_EqualsExplicitWithGradients(string kind)
    {
        using var scope = NewDisposeScope();
        using var batch = Batch(Long);
        var mask = kind switch
        {
            "padding" => AttentionMask.Padding(batch, ScalarType.Float64),
            "window" => AttentionMask.Window(batch, 5, ScalarType.Float64), // some padding sees nothing but padding
            _ => null,
        };
        Tensor[] inputs = [.. Enumerable.Range(0, 3).Select(i => Fixture.Sine(1.5, 0.7 + (0.3 * i), i, 2, Long, 8).requires_grad_())];
        var seed = Fixture.Sine(1, 0.9, 0.3, 2, Long, 8);

        var fused = WithGradients(inputs, seed, mask);
        using var forced = MultiHeadAttention.ForceExplicit();
        var expected = WithGradients(inputs, seed, mask);

        foreach (var (a, b) in expected.Zip(fused))
        {
            Fixture.AssertLess(1e-12, b.sub(a).norm().item<double>() / a.norm().item<double>());
        }

        // Not the same kernel twice: rounding differs.
        Assert.IsTrue(expected.Zip(fused).Any(pair => pair.First.ne(pair.Second).any().item<bool>()));
    }

    [TestMethod]
    public void ForceExplicit_LongSequence_CanBeDifferentiatedTwice()
    {
        using var scope = NewDisposeScope();
        using var forced = MultiHeadAttention.ForceExplicit();
        var input = Fixture.Sine(0.5, 0.7, 0, 1, Long, 4).requires_grad_();
        var seed = Fixture.Sine(1, 0.9, 0.3, 1, Long, 4).requires_grad_();

        autograd.backward([MultiHeadAttention.Attend(input, input, input, 2, null)], [seed], true, true, [input]);
        using var gradient = input.grad!;
        input.grad = null;
        autograd.backward([gradient], [ones_like(gradient)], false, false, [seed]);

        // The seed enters linearly, so that its gradient is the derivative of the output along the ones: (f(x + h) - f(x - h)) / 2h.
        const double step = 1e-5;
        using var noGrad = no_grad();
        var (above, below) = (input.add(step), input.sub(step));
        var slope = MultiHeadAttention.Attend(above, above, above, 2, null).sub(MultiHeadAttention.Attend(below, below, below, 2, null)).div(2 * step);
        Fixture.AssertClose(slope, seed.grad!, 1e-7, 1e-8);
        seed.grad = null;
    }

    [TestMethod]
    public void ForceExplicit_Disposed_EndsOnceItsOuterEnds()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var input = Fixture.Sine(1.5, 0.7, 0, 1, Long, 8);
        Tensor written, nested, after;

        using (MultiHeadAttention.ForceExplicit())
        {
            written = MultiHeadAttention.Attend(input, input, input, 2, null);
            MultiHeadAttention.ForceExplicit().Dispose();
            nested = MultiHeadAttention.Attend(input, input, input, 2, null);
        }

        after = MultiHeadAttention.Attend(input, input, input, 2, null);
        Assert.IsTrue(written.eq(nested).all().item<bool>());
        Assert.IsTrue(written.ne(after).any().item<bool>());
    }

    [TestMethod]
    [DataRow("bert")]
    [DataRow("electra")]
    [DataRow("roberta")]
    [DataRow("distilbert")]
    [DataRow("modernbert")]
    [DataRow("mpnet")]
    public void Encode_LongBatch_EqualsExplicitAttention(string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var files = new EncoderFixture(name).OpenFiles(("max_position_embeddings", Long + 10), ("local_attention", 20));
        var config = ModelConfig.Read(files);
        using var encoder = (TextEncoder)Architectures.ForTexts(config).Create(config);
        _ = encoder.to(ScalarType.Float64);
        using var generator = new Generator(3);
        foreach (var parameter in encoder.parameters())
        {
            parameter.normal_(0, 0.3, generator);
        }

        using var batch = Batch(Long);
        var fused = encoder.Encode(batch);
        using var forced = MultiHeadAttention.ForceExplicit();
        var expected = encoder.Encode(batch);

        Fixture.AssertLess(1e-12, fused.sub(expected).norm().item<double>() / expected.norm().item<double>());
        Assert.IsTrue(fused.ne(expected).any().item<bool>());
    }

    private static Tensor[] WithGradients(Tensor[] inputs, Tensor seed, Tensor? mask)
    {
        var output = MultiHeadAttention.Attend(inputs[0], inputs[1], inputs[2], 2, mask);
        autograd.backward([output], [seed], false, false, [.. inputs]);
        Tensor[] results = [output.detach(), .. inputs.Select(input => input.grad!.clone())];
        Array.ForEach(inputs, input => input.grad = null);
        return results;
    }

    // Two rows, the second of which is half padding.
    private static TokenBatch Batch(int tokens)
    {
        var ids = arange(tokens * 2L).view(2, tokens).remainder(50).add(5);
        var mask = ones_like(ids);
        mask[1, (tokens / 2)..] = tensor(0L);
        return new TokenBatch(ids, mask, zeros_like(ids), isPadded: true);
    }
}
