using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Heads that processes, threads here, solve on rows that differ, which stand for processors that round differently: all get that of the first.</summary>
[TestClass]
[DoNotParallelize]
public sealed class HeadSolvingTests
{
    private const int RowCount = 30;

    [TestMethod]
    public void Solve_InSeveralProcesses_GivesTheHeadOfTheFirst()
    {
        var alone = new[] { Solve(null, 0), Solve(null, 1) };
        var found = new (double[] Head, string Log, double Loss, double Watched)[2];

        InMemoryCollective.Run(2, collective => found[collective.Rank] = Solve(collective, collective.Rank));

        Assert.AreNotEqual(alone[0].Log, alone[1].Log); // the penalty
        foreach (var (head, log, loss, watched) in found)
        {
            CollectionAssert.AreEqual(alone[0].Head, head);
            Assert.AreEqual(alone[0].Log, log);
            Assert.AreEqual((alone[0].Loss, alone[0].Watched), (loss, watched));
        }

        static (double[] Head, string Log, double Loss, double Watched) Solve(ICollective? collective, int rank)
        {
            using var scope = NewDisposeScope();
            using var network = new EncoderFixture("bert").CreateClassifier(new HeadOnlyOptions());
            using var training = Kept(network, Rows(0));
            using var validation = Kept(network, Rows(rank)); // the training rows themselves like the weakest penalty best
            var log = new List<string>();
            var report = Solving(network, collective, log).Solve(network.LinearHead!, training, validation);
            return (Numbers(network.LinearHead!), log[0], report.Loss, report.ValidationLoss!.Value);
        }
    }

    [TestMethod]
    [DataRow(9)]
    [DataRow(10)]
    public void Solve_FewValidationRows_ChooseNoPenalty(int count)
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture("bert").CreateClassifier(new HeadOnlyOptions());
        using var training = Kept(network, Rows(0));
        using var validation = Kept(network, Rows(0, count));
        var log = new List<string>();
        _ = Solving(network, null, log).Solve(network.LinearHead!, training, null);
        _ = Solving(network, null, log).Solve(network.LinearHead!, training, validation);

        Assert.AreEqual(count < 10, log[0] == log[2], log[2]);
    }

    [TestMethod]
    public void HoldAndSolveAgain_InSeveralProcesses_GiveTheHeadAndThePenaltyOfTheFirst()
    {
        var alone = new[] { Hold(null, 0), Hold(null, 1) };
        var found = new (double L2, double[] Held, double[] Again)[2];

        InMemoryCollective.Run(2, collective => found[collective.Rank] = Hold(collective, collective.Rank));

        Assert.AreNotEqual(alone[0].L2, alone[1].L2);
        foreach (var (l2, held, again) in found)
        {
            Assert.AreEqual(alone[0].L2, l2);
            CollectionAssert.AreEqual(alone[0].Held, held);
            CollectionAssert.AreEqual(alone[0].Again, again);
        }

        static (double L2, double[] Held, double[] Again) Hold(ICollective? collective, int rank)
        {
            using var scope = NewDisposeScope();
            using var network = new EncoderFixture("bert").CreateClassifier(new HeadOnlyOptions());
            var (rows, solving) = (Rows(rank), Solving(network, collective, []));
            using var held = solving.Hold(network.LinearHead!, rows);
            var first = Numbers(network.LinearHead!);
            _ = solving.SolveAgain(held, rows, null);
            return (held.L2, first, Numbers(network.LinearHead!));
        }
    }

    private static HeadSolving Solving(AdaptedNetwork network, ICollective? collective, List<string> log) =>
        new(network, new ClassTarget(ClassLabels.Of(["a", "b", "c"])), 1, () => { }, log.Add, ProcessGroup.Of(collective));

    private static FrozenSource Kept(AdaptedNetwork network, RowBatchSource rows)
    {
        var kept = new FrozenSource(rows, network, network.FrozenLayers);
        kept.Fill();
        return kept;
    }

    // Texts whose first word tells the class, and other labels in the second process.
    private static TokenBatchSource Rows(int rank, int count = RowCount)
    {
        var random = new Random(3);
        return new TokenBatchSource(
            [.. Enumerable.Range(0, count).Select(i => new EncodedRow(
                new TokenSequence([5 + (i % 3), .. Enumerable.Range(0, 4).Select(_ => random.Next(10, 40))], null, false), rank == 0 ? i % 3 : i * i % 7 % 3))],
            8, 0, CPU, seed: 3);
    }

    private static double[] Numbers(LinearLayer head) => [.. head.parameters().SelectMany(parameter => parameter.data<double>().ToArray())];
}
