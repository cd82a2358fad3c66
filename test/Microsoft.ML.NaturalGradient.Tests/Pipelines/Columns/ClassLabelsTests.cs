using System.Buffers.Binary;
using System.Text;
using Microsoft.ML.Data.IO;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tests.Fuzzing;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Tests.Pipelines;

[TestClass]
public sealed class ClassLabelsTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    private IHost Host => ((IHostEnvironment)_mlContext).Register("ClassLabelsTests");

    [TestMethod]
    [DataRow(0, 67_108_865, DisplayName = "millions of classes")]
    [DataRow(0, -2)]
    [DataRow(25, 67_108_865, DisplayName = "more sizes than bytes, which ML.NET reads for ever")]
    [DataRow(29, 2_147_483_647, DisplayName = "another size")]
    [DataRow(33, 500_000_000, DisplayName = "many vectors")]
    [DataRow(37, 2_000_000_000, DisplayName = "a longer vector")]
    [DataRow(41, 1_000_000_000, DisplayName = "more values than classes")]
    [DataRow(45, 1_000_000_000, DisplayName = "indices that are not there")]
    [DataRow(49, 1_000_000_000, DisplayName = "texts that are not there")]
    public void Load_ClaimedNumberIsChanged_IsRefusedBeforeMemoryIsTaken(int place, int value)
    {
        var content = Saved();
        Assert.AreNotEqual(value, BinaryPrimitives.ReadInt32LittleEndian(content.AsSpan(place)));
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(place), value);
        var host = Host;
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.ThrowsExactly<FormatException>(() => ClassLabels.Load(host, new BinaryReader(new MemoryStream(content))));

        StringAssert.Contains(error.Message, "The class names in the saved model cannot be read");
        Fixture.AssertLess(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    // ML.NET's own doing, which SECURITY.md warns of.
    [TestMethod]
    public void TryLoadTypeAndValue_OfMLNet_TakesTheMemoryThatAFewBytesAskFor()
    {
        var content = Saved();
        BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(45), 20_000_000); // indices that are not there
        var saver = new BinarySaver(Host, new BinarySaver.Arguments());
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<Exception>(() => saver.TryLoadTypeAndValue(new MemoryStream(content[5..]), out _, out _));

        Assert.IsGreaterThan(50_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void Load_AnyDamage_IsReadOrRefused()
    {
        var (original, host, refused) = (Saved(), Host, 0);
        for (var seed = 0; seed < 2000; seed++)
        {
            var content = Mutation.FlipBit(original, new Random(seed));
            try
            {
                _ = ClassLabels.Load(host, new BinaryReader(new MemoryStream(content)));
            }
            catch (Exception e) when (e.GetBaseException() is FormatException or IOException or InvalidOperationException or ArgumentException)
            {
                refused++;
            }
        }

        Assert.IsGreaterThan(1000, refused);
    }

    [TestMethod]
    public void Read_KeysOfNoRows_SaysThatThereMayBeNone()
    {
        var schema = TinyText.KeyedRows(_mlContext, 0).Schema;

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => ClassLabels.Read(schema["Label"]));

        StringAssert.Contains(error.Message, "where no row has a label, or where there are no rows");
    }

    [TestMethod]
    [DataRow(30, DisplayName = "more names than memory holds")]
    [DataRow(31, DisplayName = "the usual number of bits")]
    public void Read_Hashes_SaysThatEachWouldBeAClass(int bits)
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(8));
        var schema = _mlContext.Transforms.Conversion.Hash("Label", numberOfBits: bits).Fit(data).Transform(data).Schema;
        var before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => ClassLabels.Read(schema["Label"]));

        StringAssert.Contains(error.Message, FormattableString.Invariant($"'Label' are numbers up to {1L << bits}, and each would be a class"));
        StringAssert.Contains(error.Message, "MapValueToKey");
        Fixture.AssertLess(1_000_000, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private byte[] Saved()
    {
        var labels = ClassLabels.Read(TinyText.KeyedRows(_mlContext, 16).Schema["Label"]);
        using var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            labels.Save(Host, writer);
        }

        return stream.ToArray();
    }
}
