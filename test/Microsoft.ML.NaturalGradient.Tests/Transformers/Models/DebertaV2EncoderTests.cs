using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Variants that the reference checkpoint does not have.</summary>
[TestClass]
public sealed class DebertaV2EncoderTests
{
    private static readonly (string Field, object? Value)[] Variant =
    [
        ("share_att_key", false), ("position_biased_input", true), ("type_vocab_size", 2), ("embedding_size", 16), ("norm_rel_ebd", "none"),
        ("position_buckets", -1), ("pos_att_type", "p2c|c2p"),
    ];

    [TestMethod]
    public void Parameters_Variant_HaveTheNamesOfCheckpoints()
    {
        using var encoder = Create();

        var names = encoder.named_parameters().Select(pair => pair.name).ToHashSet();

        foreach (var name in new[]
        {
            "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight", "embeddings.embed_proj.weight",
            "encoder.rel_embeddings.weight", "encoder.layer.1.attention.self.pos_key_proj.bias", "encoder.layer.0.attention.self.pos_query_proj.weight",
        })
        {
            Assert.Contains(name, names);
        }

        Assert.DoesNotContain("embeddings.embed_proj.bias", names);
        Assert.DoesNotContain("encoder.LayerNorm.weight", names);
    }

    [TestMethod]
    public void Gram_Variant_EqualsOneSampleAtATime()
    {
        using var scope = NewDisposeScope();
        var fixture = new EncoderFixture("deberta-v2");
        using var encoder = Create();
        using var inputs = fixture.Inputs();
        var seeds = Fixture.Sine(1, 0.7, 0.2, inputs.SampleCount, encoder.HiddenSize);
        using var tape = new GradientTape();
        Tensor pooled;
        using (tape.Start())
        {
            pooled = encoder.Pool(inputs);
        }

        using var captured = tape.Capture(pooled, seeds);

        var parameters = captured.Parameters.ToArray();
        Assert.HasCount(encoder.parameters().Count(), parameters);
        Fixture.AssertClose(PerSampleOracle.Rows(n => encoder.Pool(inputs).narrow(0, n, 1), seeds, parameters), captured.Rows(), 1e-9, 1e-12);
    }

    private static TextEncoder Create()
    {
        using var files = new EncoderFixture("deberta-v2").OpenFiles(Variant);
        var encoder = (TextEncoder)Architectures.Find("deberta-v2")!.Create(ModelConfig.Read(files));
        _ = encoder.to(ScalarType.Float64);
        using var noGrad = no_grad();
        using var generator = new Generator(4);
        foreach (var parameter in encoder.parameters())
        {
            parameter.normal_(0, 0.3, generator);
        }

        return encoder;
    }
}
