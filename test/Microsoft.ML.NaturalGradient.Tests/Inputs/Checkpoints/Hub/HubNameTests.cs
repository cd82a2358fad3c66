using Microsoft.ML.NaturalGradient.Checkpoints.Hub;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.Hub;

[TestClass]
public sealed class HubNameTests
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    [TestMethod]
    [DataRow("org/name", "main", "org/name")]
    [DataRow("bert-base-uncased", "main", "bert-base-uncased")]
    [DataRow("A_1.b-c/x.y_z-1", "v1.0", "A_1.b-c/x.y_z-1@v1.0")]
    [DataRow("org/name", "refs/pr/12", "org/name@refs/pr/12")]
    [DataRow("org/name", Commit, "org/name@" + Commit)]
    public void Parse_Legal_KeepsAll(string id, string revision, string text)
    {
        var name = HubName.Parse(id, revision);

        Assert.AreEqual(id, name.Id);
        Assert.AreEqual(revision, name.Revision);
        Assert.AreEqual(revision == Commit, name.IsCommit);
        Assert.AreEqual(text, PretrainedModel.FromHub(id, revision).ToString());
    }

    [TestMethod]
    [DataRow("../name")]
    [DataRow("org/..")]
    [DataRow("org/a..b")]
    [DataRow("org/a--b")]
    [DataRow("org/name/more")]
    [DataRow("/name")]
    [DataRow("org/")]
    [DataRow("org\\name")]
    [DataRow("C:name")]
    [DataRow("org/na me")]
    [DataRow("org/name\n")]
    [DataRow("org/-name")]
    [DataRow("org/name.git")]
    [DataRow("https://huggingface.co/org/name")]
    [DataRow("org/näme")]
    public void FromHub_NoName_Throws(string id)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => PretrainedModel.FromHub(id));

        StringAssert.Contains(error.Message, $"'{id}' is not the name of a model on a hub");
    }

    [TestMethod]
    [DataRow("../main")]
    [DataRow("a/../b")]
    [DataRow("/main")]
    [DataRow("main/")]
    [DataRow("a//b")]
    [DataRow(".hidden")]
    [DataRow("a/.b")]
    [DataRow("a\\b")]
    [DataRow("C:a")]
    [DataRow("a b")]
    [DataRow("main\n")]
    [DataRow("a?b")]
    public void FromHub_NoRevision_Throws(string revision)
    {
        var error = Assert.ThrowsExactly<ArgumentException>(() => PretrainedModel.FromHub("org/name", revision));

        StringAssert.Contains(error.Message, $"'{revision}' is not a revision");
    }

    [TestMethod]
    public void FromHub_NameTooLong_Throws()
    {
        Assert.ThrowsExactly<ArgumentException>(() => PretrainedModel.FromHub("org/" + new string('a', 97)));
        Assert.IsNotNull(PretrainedModel.FromHub("org/" + new string('a', 96)));
    }

    [TestMethod]
    public void FromHub_Null_Throws()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => PretrainedModel.FromHub(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => PretrainedModel.FromHub("org/name", null!));
    }
}
