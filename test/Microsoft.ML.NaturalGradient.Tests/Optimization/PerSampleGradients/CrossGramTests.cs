using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.PerSampleGradients;

/// <summary>Inner products between the rows of two forward passes, against the rows themselves; float64.</summary>
[TestClass]
public sealed class CrossGramTests
{
    private const int Words = 9;
    private const int Width = 5;

    public static IEnumerable<object[]> Cases =>
        from left in Kinds
        from right in Kinds
        from chunkBytes in new[] { 1, 600, 1 << 20 }
        select new object[] { left, right, chunkBytes };

    private static string[] Kinds => ["linear, short", "linear, long", "embedding", "expanded", "tied"];

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void CrossGram_UsesOfOneTable_EqualsTheProductOfTheRows(string left, string right, int chunkBytes)
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(zeros(Words, Width, ScalarType.Float64));
        using var one = new CapturedGradients([.. Uses(table, left, samples: 4, positions: 3, phase: 0.2, chunkBytes)]);
        using var other = new CapturedGradients([.. Uses(table, right, samples: 3, positions: 2, phase: 0.9, chunkBytes)]);

        Fixture.AssertClose(one.Rows().mm(other.Rows().t()), one.CrossGram(other, chunkBytes: chunkBytes), 1e-11, 1e-11);
        Fixture.AssertClose(one.Rows().mm(one.Rows().t()), one.Gram(chunkBytes), 1e-11, 1e-11);
        Fixture.AssertClose(one.CrossGram(other), one.CrossGram(other, table), 1e-12, 1e-12);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(900)]
    [DataRow(1 << 20)]
    public void JointGram_TiedTableInThreeCaptures_EqualsTheProductOfTheRows(int chunkBytes)
    {
        using var scope = NewDisposeScope();
        var table = nn.Parameter(zeros(Words, Width, ScalarType.Float64));
        var captures = new[] { 0.2, 0.5, 1.1 }
            .Select(phase => new CapturedGradients([.. Uses(table, "tied", samples: 4, positions: 3, phase, chunkBytes)])).ToList();
        var rows = cat(captures.Select(captured => captured.Rows()).ToList());

        Fixture.AssertClose(rows.mm(rows.t()), CapturedGradients.JointGram(captures, chunkBytes: chunkBytes), 1e-11, 1e-11);
    }

    [TestMethod]
    public void CrossGram_Convolutions_EqualsTheProductOfTheRows()
    {
        using var scope = NewDisposeScope();
        foreach (var (size, kernel) in new[] { (6L, 6L), (6L, 2L) }) // one position, which pairs are cheaper for, and many
        {
            var weight = nn.Parameter(zeros(40, 2, kernel, kernel, ScalarType.Float64));
            CapturedGradients Capture(long samples, double phase) => new(
            [(
                new ConvolutionWeightUse(weight, Fixture.Sine(1, 0.41, phase, samples, 2, size, size), stride: kernel, padding: 0),
                Fixture.Sine(1, 0.63, 0.35 + phase, samples, 40, size / kernel, size / kernel))]);

            using var one = Capture(4, 0.1);
            using var other = Capture(3, 0.7);

            Fixture.AssertClose(one.Rows().mm(other.Rows().t()), one.CrossGram(other), 1e-11, 1e-11);
        }
    }

    // A table [1, T, D] is expanded to [N, T, D]: slices go over its own first dimension, not over the positions.
    [TestMethod]
    public void JointGram_ExpandedPositions_CountsAllOfThem()
    {
        using var scope = NewDisposeScope();
        var (table, map) = (nn.Parameter(zeros(1, 7, 4, ScalarType.Float64)), Fixture.Sine(1, 0.7, 0.3, 5, 7));
        foreach (var mapped in new[] { false, true })
        {
            CapturedGradients Capture(double phase) => mapped
                ? new([(new MappedBroadcastUse(table, map), Fixture.Sine(1, 0.61, phase, 3, 5, 4))])
                : new([(new BroadcastUse(table), Fixture.Sine(1, 0.61, phase, 3, 7, 4))]);

            using var one = Capture(0.2);
            using var other = Capture(0.8);
            var rows = cat([one.Rows(), other.Rows()]);

            Fixture.AssertClose(rows.mm(rows.t()), CapturedGradients.JointGram([one, other]), 1e-11, 1e-11);
            Fixture.AssertClose(one.Rows().mm(other.Rows().t()), one.CrossGram(other), 1e-11, 1e-11);
        }
    }

    [TestMethod]
    public void CrossGram_ParameterThatOnePassDidNotUse_CountsAsZero()
    {
        using var scope = NewDisposeScope();
        var (table, bias) = (nn.Parameter(zeros(Words, Width, ScalarType.Float64)), nn.Parameter(zeros(Width, ScalarType.Float64)));
        using var one = new CapturedGradients([.. Uses(table, "embedding", 4, 3, 0.2, 1 << 20), (new BiasUse(bias), Fixture.Sine(1, 1.3, 0.4, 4, 3, Width))]);
        using var other = new CapturedGradients([.. Uses(table, "embedding", 3, 2, 0.9, 1 << 20)]);

        Fixture.AssertClose(one.RowsOf(table).mm(other.Rows().t()), one.CrossGram(other), 1e-11, 1e-11);
        Fixture.AssertClose(one.CrossGram(other).t(), other.CrossGram(one), 1e-12, 1e-12);
    }

    private static IEnumerable<(ParameterUse Use, Tensor Error)> Uses(Parameter table, string kind, long samples, long positions, double phase, int chunkBytes)
    {
        if (kind is "embedding" or "tied")
        {
            var ids = arange(samples * positions).mul(5).remainder(Words - 2).view(samples, positions);
            yield return (new EmbeddingUse(table, ids) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 0.77, phase, samples, positions, Width));
        }

        if (kind is "linear, short" or "linear, long" or "tied")
        {
            var length = kind == "linear, long" ? 12 : 1; // where gradients that are formed, and where pairs are cheaper
            var use = new LinearWeightUse(table, Fixture.Sine(1, 0.52, 0.7 + phase, samples, length, Width)) { ChunkBytes = chunkBytes };
            var error = Fixture.Sine(0.5, 0.33, 0.8 + phase, samples, length, Words);
            Assert.AreEqual(length == 1, use.PrefersPairs(error));
            yield return (use, error);
        }

        if (kind == "expanded")
        {
            yield return (new BroadcastUse(table) { ChunkBytes = chunkBytes }, Fixture.Sine(1, 0.61, phase, samples, Words, Width));
        }
    }
}
