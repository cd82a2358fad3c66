using Microsoft.ML.NaturalGradient.Checkpoints.Hub;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

[TestClass]
public sealed class HubHashTests
{
    // printf 'hello\n' | git hash-object --stdin; printf 'hello\n' | sha256sum
    [TestMethod]
    [DataRow("ce013625030ba8dba906f756967f9e9ca394464a")]
    [DataRow("5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")]
    public async Task ComputeAsync_KnownContent_IsWhatOtherToolsSay(string expected)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("hub-hash").FullName, "hello");
        await File.WriteAllTextAsync(path, "hello\n");

        Assert.AreEqual(expected, await HubHash.ComputeAsync(path, expected, CancellationToken.None));
        Assert.IsTrue(HubHash.IsHash(expected));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("../../../../../../../../../../../etc/cron.d")]
    [DataRow("CE013625030BA8DBA906F756967F9E9CA394464A")]
    [DataRow("ce013625030ba8dba906f756967f9e9ca394464")]
    public void IsHash_Other_IsNone(string text) => Assert.IsFalse(HubHash.IsHash(text));
}
