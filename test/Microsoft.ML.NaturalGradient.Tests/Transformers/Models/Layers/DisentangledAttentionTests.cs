using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Layers;

[TestClass]
public sealed class DisentangledAttentionTests
{
    private const int Tokens = 7;

    [TestMethod]
    [DataRow("c2p|p2c", true, 4)]
    [DataRow("c2p|p2c", false, 4)]
    [DataRow("p2c|c2p", false, -1)]
    [DataRow("c2p", false, -1)]
    [DataRow("p2c", true, -1)]
    [DataRow("p2c", false, 4)]
    [DataRow("", false, -1)]
    public void Forward_Variant_EqualsSumsOfThePaper(string terms, bool sharesProjections, int buckets)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var files = new EncoderFixture("deberta-v2").OpenFiles(
            ("pos_att_type", terms), ("share_att_key", sharesProjections), ("position_buckets", buckets), ("max_relative_positions", 5));
        var config = DebertaV2Config.Read(ModelConfig.Read(files));
        using var attention = new DisentangledAttention(config);
        _ = attention.to(ScalarType.Float64);
        var weights = attention.named_parameters().ToDictionary(pair => pair.name, pair => (Tensor)pair.parameter);
        using var generator = new Generator(2);
        foreach (var weight in weights.Values)
        {
            weight.normal_(0, 0.3, generator);
        }

        var input = Fixture.Sine(1, 0.7, 0.1, 2, Tokens, config.Sizes.HiddenSize);
        var table = Fixture.Sine(1, 0.9, 0.2, 1, 2 * config.Positions.Span, config.Sizes.HiddenSize);

        var actual = attention.forward(input, new DisentangledContext(null, table, config.Positions.Rows(Tokens, CPU)));

        var names = terms.Split('|', StringSplitOptions.RemoveEmptyEntries);
        var oracle = new NaiveDisentangledAttention(config.Sizes.HeadCount, names, Row);
        for (var n = 0; n < 2; n++)
        {
            var expected = oracle.Attend(
                Map("query_proj", input[n]),
                Map("key_proj", input[n]),
                Map("value_proj", input[n]),
                Map(sharesProjections || !names.Contains("p2c") ? "query_proj" : "pos_query_proj", table[0]),
                Map(sharesProjections || !names.Contains("c2p") ? "key_proj" : "pos_key_proj", table[0]));
            Fixture.AssertClose(tensor(expected.SelectMany(row => row).ToArray(), [Tokens, config.Sizes.HiddenSize]), actual[n], 1e-10);
        }

        // With 4 buckets over 5 distances, 0 to 2 have their own: ceil(log(d / 2) / log(4 / 2)) + 2 is 3 for 3 and 4, and 4 for 5 and 6.
        int Row(int distance) => buckets == 4
            ? Math.Clamp((Math.Sign(distance) * new[] { 0, 1, 2, 3, 3, 4, 4 }[Math.Abs(distance)]) + 4, 0, 7)
            : Math.Clamp(distance + 5, 0, 9);

        double[][] Map(string layer, Tensor vectors) =>
            [.. nn.functional.linear(vectors, weights[$"{layer}.weight"], weights[$"{layer}.bias"]).unbind().Select(row => row.data<double>().ToArray())];
    }
}
