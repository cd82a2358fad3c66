using Microsoft.ML.NaturalGradient.Processes;
using Microsoft.ML.NaturalGradient.Tests.Collectives;
using static TorchSharp.torch;

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

    // More than 2^31 bytes go in parts; here a part has a few columns.
    [TestMethod]
    [DataRow(1)]
    [DataRow(200)]
    [DataRow(1 << 30)]
    public void Tensors_InParts_AreWhatTheyAreAtOnce(long mostAtOnce) => InMemoryCollective.Run(3, collective =>
    {
        using var scope = NewDisposeScope();
        var group = new ProcessGroup(collective, mostAtOnce);
        long[] counts = [2, 0, 3];
        var all = Fixture.Sine(1, 0.3, 0.1, 2, 5, 7); // [D, N, P]
        var (start, count) = (counts.Take(group.Rank).Sum(), counts[group.Rank]);

        var columns = group.ExchangeColumns(all.narrow(1, start, count), counts);
        var rows = group.GatherRows(all.transpose(0, 1).narrow(0, start, count), counts);
        var sent = group.Rank == 1 ? all.clone() : zeros_like(all);
        group.Broadcast(sent, 1);

        var share = RowShare.Of(7, group.Rank, 3);
        Assert.IsTrue(all.narrow(2, share.Start, share.Count).Equals(columns));
        Assert.IsTrue(all.transpose(0, 1).Equals(rows));
        Assert.IsTrue(all.Equals(sent));
    });

    // All pieces of a round may be as long as the longest: more than 2^31 bytes of a few long ones go in parts, too.
    [TestMethod]
    [DataRow(1L, 21)]
    [DataRow(30L, 3)]
    [DataRow(63L, 1)]
    public void Tell_MoreThanGoesAtOnce_IsToldInParts(long mostAtOnce, int parts) => InMemoryCollective.Run(3, collective =>
    {
        var group = new ProcessGroup(collective, mostAtOnce);
        string?[] texts = ["twenty letters of it", null, "short"]; // 21 bytes, with a mark, are the most

        var told = group.Tell(texts[group.Rank]);

        CollectionAssert.AreEqual(texts, told);
        Assert.AreEqual(1 + parts, group.Sent.Messages); // lengths, then parts
    });

    [TestMethod]
    public void Concatenate_ItemsThatGoInParts_AreWhole() => InMemoryCollective.Run(3, collective =>
    {
        var group = new ProcessGroup(collective, 50);
        string[][] items = [["a", new('b', 100), ""], [], [new('c', 7)]];

        var all = group.Concatenate(items[group.Rank], (writer, text) => writer.Write(text), reader => reader.ReadString());

        CollectionAssert.AreEqual(items.SelectMany(list => list).ToArray(), all.ToArray());
    });

    [TestMethod]
    public void Tell_TellsNothingFromAnEmptyText() => InMemoryCollective.Run(3, collective =>
        CollectionAssert.AreEqual(new[] { "ä 🙂", null, "" }, ProcessGroup.Of(collective)!.Tell(collective.Rank switch { 0 => "ä 🙂", 1 => null, _ => "" })));
}
