using System.Globalization;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization.Numerics;

[TestClass]
public class NativeHeapTests
{
    private const int Blocks = 8;
    private const int BlockBytes = 16 << 20;

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
            Fill();
        }

        var (faults, resident) = (Faults(), Environment.WorkingSet);
        Fill();
        Fixture.AssertLess(pages / 4.0, Faults() - faults); // kept: without it every page would be new
        second.Dispose();
        second.Dispose(); // counts once
        Fixture.AssertLess(resident - (Blocks * (long)BlockBytes / 2.0), Environment.WorkingSet); // returned
    }

    private static void Fill()
    {
        var blocks = Enumerable.Range(0, Blocks).Select(_ => ones(BlockBytes / sizeof(float))).ToList();
        blocks.ForEach(block => block.Dispose());
    }

    // The tenth field, of which the second is a name in parentheses.
    private static double Faults() =>
        double.Parse(File.ReadAllText("/proc/self/stat").Split(") ")[1].Split(' ')[7], CultureInfo.InvariantCulture);
}
