using System.Text.Json;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>What ModernBERT has and the other encoders have not; for the rest see theirs.</summary>
[TestClass]
public sealed class ModernBertEncoderTests
{
    [TestMethod]
    public void Forward_ConfigurationOfNewerFiles_EqualsThatOfOlder()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var inputs = fixture.Inputs();
        using var older = fixture.CreateClassifier();
        using var newer = fixture.CreateClassifier(changes:
        [
            ("global_attn_every_n_layers", null),
            ("global_rope_theta", null),
            ("local_rope_theta", null),
            ("layer_types", new[] { "full_attention", "sliding_attention", "sliding_attention", "full_attention" }),
            ("rope_parameters", JsonSerializer.Deserialize<JsonElement>("""
                { "full_attention": { "rope_type": "default", "rope_theta": 160000.0 }, "sliding_attention": { "rope_type": "default", "rope_theta": 10000.0 } }
                """)),
        ]);

        Fixture.AssertClose(older.Forward(inputs), newer.Forward(inputs), 0, 0);
    }

    [TestMethod]
    public void Forward_FirstTokenHead_ReadsTheFirstToken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var fixture = new EncoderFixture("modernbert");
        using var inputs = fixture.Inputs();
        using var classifier = fixture.CreateClassifier(changes: ("classifier_pooling", "cls"));

        Fixture.AssertClose(classifier.Encoder.Encode(inputs).select(1, 0), classifier.Encoder.Pool(inputs), 0, 0);
    }
}
