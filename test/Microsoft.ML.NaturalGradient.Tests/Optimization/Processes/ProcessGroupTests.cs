using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;

namespace Microsoft.ML.NaturalGradient.Tests.Processes;

/// <summary>What processes tell each other.</summary>
[TestClass]
public sealed class ProcessGroupTests
{
    private const int LongItem = 20 << 20; // bytes; a round ends with the second

    [TestMethod]
    public void Concatenate_MoreThanOneRound_KeepsTheOrderOfProcessesAndItems() => InMemoryCollective.Run(3, collective =>
    {
        int[][] lengths = [[1, LongItem, 0, LongItem, LongItem, 2], [], [3, LongItem]];
        var group = ProcessGroup.Of(collective)!;
        var own = lengths[group.Rank].Select((length, i) => Enumerable.Repeat((byte)((16 * group.Rank) + i), length).ToArray()).ToArray();

        var all = group.Concatenate(own, Write, reader => reader.ReadBytes(reader.ReadInt32()));

        CollectionAssert.AreEqual(lengths.SelectMany(list => list).ToArray(), all.Select(item => item.Length).ToArray());
        var place = 0;
        for (var rank = 0; rank < 3; rank++)
        {
            for (var i = 0; i < lengths[rank].Length; i++)
            {
                Assert.IsFalse(all[place++].AsSpan().ContainsAnyExcept((byte)((16 * rank) + i)), $"item {i} of process {rank}");
            }
        }

        static void Write(BinaryWriter writer, byte[] item)
        {
            writer.Write(item.Length);
            writer.Write(item);
        }
    });

    [TestMethod]
    public void Tell_TellsNothingFromAnEmptyText() => InMemoryCollective.Run(3, collective =>
        CollectionAssert.AreEqual(new[] { "ä 🙂", null, "" }, ProcessGroup.Of(collective)!.Tell(collective.Rank switch { 0 => "ä 🙂", 1 => null, _ => "" })));
}
