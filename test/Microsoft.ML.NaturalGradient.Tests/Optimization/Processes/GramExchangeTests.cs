using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>Gram matrices of rows in several processes, by each way of exchanging them, against rows that are formed in one place; float64.</summary>
[TestClass]
[DoNotParallelize]
public sealed class GramExchangeTests
{
    private const int Sets = 2;

    [TestMethod]
    [DataRow(2, 7, 40, 20, 25, "columns of gradients")]
    [DataRow(3, 7, 40, 20, 25, "columns of gradients")]
    [DataRow(2, 6, 1, 30, 40, "inputs and errors of layers")]
    [DataRow(3, 6, 1, 30, 40, "inputs and errors of layers")]
    [DataRow(2, 40, 3, 2, 3, "whole rows of gradients")]
    [DataRow(4, 40, 3, 2, 3, "whole rows of gradients")]
    [DataRow(4, 3, 40, 20, 25, "columns of gradients")]
    public void JointGram_RowsOfSeveralProcesses_IsThatOfAll(int size, int rows, int positions, int inputSize, int outputSize, string way)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        var inputs = randn([rows, positions, inputSize], ScalarType.Float64, generator: generator);
        var errors = randn([Sets, rows, positions, outputSize], ScalarType.Float64, generator: generator);
        using var weight = new Parameter(zeros(outputSize, inputSize, ScalarType.Float64));
        var formed = einsum("dnto,nti->dnoi", errors, inputs).reshape(Sets * rows, -1); // [D·N, P]
        var expected = formed.mm(formed.t());
        using var direction = randn([outputSize, inputSize], ScalarType.Float64, generator: generator);
        using var factors = randn([rows], ScalarType.Float64, generator: generator);

        InMemoryCollective.Run(size, collective =>
        {
            using var own = NewDisposeScope();
            var group = ProcessGroup.Of(collective)!;
            var share = group.Share(rows);
            var (start, count) = share.Count > 0 ? (share.Start, share.Count) : (0, 1);
            var used = inputs.narrow(0, start, count);
            var sets = Enumerable.Range(0, Sets).Select(set => new ShardedGradients(
                new CapturedGradients([(new LinearWeightUse(weight, used), errors[set].narrow(0, start, count).clone())]), group, rows)).ToList();

            Fixture.AssertClose(expected, ShardedGradients.JointGram(sets), 1e-12, 1e-12);
            Assert.AreEqual(way, group.Exchange);
            Fixture.AssertClose(expected.narrow(0, 0, rows).narrow(1, 0, rows), sets[0].GramOf(weight), 1e-12, 1e-12);
            if (share.Count > 0)
            {
                // A process without rows has no error to send back, which BatchShard sees to.
                Fixture.AssertClose(formed.narrow(0, 0, rows).mv(direction.flatten()), sets[0].Dot(Of(weight, direction)), 1e-12, 1e-12);
                Fixture.AssertClose(formed.narrow(0, 0, rows).t().mv(factors).view(outputSize, inputSize), sets[0].Combine(factors)[weight], 1e-12, 1e-12);
            }
            else
            {
                _ = sets[0].Dot(Of(weight, direction));
                _ = sets[0].Combine(factors);
            }

            sets.ForEach(set => set.Dispose());
        });
    }

    private static Microsoft.ML.NaturalGradient.Optimization.ParameterVector Of(Parameter parameter, Tensor value) => new([parameter], [value]);
}
