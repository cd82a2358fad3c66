using System.Globalization;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization.Numerics;

[TestClass]
public class NativeHeapTests
{
    private const int Blocks = 8;
    private const int BlockBytes = 16 << 20;
    private const int Batches = 10;

    [TestMethod]
    public void FreedMemoryIsKeptUntilTheLastTrainingEnds()
    {
        if (!NativeHeap.IsAdjustable)
        {
            Assert.Inconclusive("Not Linux, or the thresholds are set by environment variables.");
        }

        var pages = Blocks * (long)BlockBytes / Environment.SystemPageSize;
        using var second = new NativeHeap();
        using (var first = new NativeHeap())
        {
            Fill(Blocks);
        }

        var (faults, resident) = (Faults(), Environment.WorkingSet);
        Fill(Blocks);
        Fixture.AssertLess(pages / 2.0, Faults() - faults); // kept: without it every page would be new; a block or two may find their place taken
        second.Dispose();
        second.Dispose(); // counts once
        Fixture.AssertLess(resident - (Blocks * (long)BlockBytes / 2.0), Environment.WorkingSet); // returned
    }

    [TestMethod]
    public void WhatABatchNeedsIsKeptWhereScoringHasBegunAndReturnedOnRequest()
    {
        if (!NativeHeap.IsAdjustable)
        {
            Assert.Inconclusive("Not Linux, or the thresholds are set by environment variables.");
        }

        NativeHeap.KeepForScoring();
        var faults = double.NaN;
        var thread = new Thread(() =>
        {
            // The thread's heap of 64 MB is nearly full, as after a network was loaded: what comes on top goes into a second one.
            var network = Allocate(3);
            Fill(1);
            var before = Faults();
            for (var batch = 0; batch < Batches; batch++)
            {
                Fill(1);
            }

            faults = Faults() - before;
            network.ForEach(block => block.Dispose());
        });
        thread.Start();
        thread.Join();
        Fixture.AssertLess(Batches * (double)BlockBytes / Environment.SystemPageSize / 4, faults);
        NativeHeap.ReturnFree();
    }

    private static void Fill(int blocks) => Allocate(blocks).ForEach(block => block.Dispose());

    private static List<Tensor> Allocate(int blocks) => [.. Enumerable.Range(0, blocks).Select(_ => ones(BlockBytes / sizeof(float)))];

    // The tenth field, of which the second is a name in parentheses.
    private static double Faults() =>
        double.Parse(File.ReadAllText("/proc/self/stat").Split(") ")[1].Split(' ')[7], CultureInfo.InvariantCulture);
}
