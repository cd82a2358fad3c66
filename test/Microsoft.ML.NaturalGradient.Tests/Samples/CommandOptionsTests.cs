using Samples;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

[TestClass]
public sealed class CommandOptionsTests
{
    private const string Usage = """
        Usage: program [--seeds N] [--undescribed X]

          --seeds N      how many
          --way TEXT     which; may be repeated
          --quick        fast
                         --indented lines go on
          --help         this text
        """;

    [TestMethod]
    public void Options_OfAllForms_AreRead()
    {
        var options = Read("--seeds", "3", "--way", "a", "--quick", "--way=b=c");

        Assert.AreEqual(3, options.Count("--seeds"));
        Assert.IsTrue(options.Has("--quick"));
        CollectionAssert.AreEqual(new[] { "a", "b=c" }, options.All("--way").ToArray());
        Assert.AreEqual("b=c", options.Text("--way"));
        Assert.IsNull(Read().Count("--seeds"));
        Assert.IsEmpty(options.Inputs);
    }

    [TestMethod]
    [DataRow("There is no argument \"--sedes\" here.", "--sedes", "3")]
    [DataRow("There is no argument \"--undescribed\" here.", "--undescribed", "3")]
    [DataRow("There is no argument \"--quick=1\" here.", "--quick=1")]
    [DataRow("There is no argument \"quick\" here.", "quick")]
    [DataRow("There is no argument \"--quick\" here.", "--", "--quick")]
    [DataRow("--seeds needs a value after it.", "--seeds")]
    [DataRow("--seeds needs a value after it.", "--seeds", "")]
    [DataRow("--seeds needs a value after it.", "--seeds=")]
    [DataRow("--seeds needs a value after it.", "--seeds", "--quick")]
    public void Options_WrongOnes_AreNamed(string expected, params string[] arguments) =>
        Assert.AreEqual(expected, Assert.ThrowsExactly<UsageException>(() => Read(arguments)).Message);

    [TestMethod]
    [DataRow("x")]
    [DataRow("0")]
    [DataRow("-1")]
    [DataRow("1.5")]
    [DataRow("99999999999")]
    public void Count_NoCount_IsRefused(string value) => StringAssert.Contains(
        Assert.ThrowsExactly<UsageException>(() => Read("--seeds", value).Count("--seeds")).Message, $"--seeds needs a whole number greater than zero, not \"{value}\".");

    [TestMethod]
    [DataRow("x")]
    [DataRow("0")]
    [DataRow("NaN")]
    [DataRow("1,5")]
    public void Numbers_NoNumber_IsRefused(string value) => StringAssert.Contains(
        Assert.ThrowsExactly<UsageException>(() => Read("--seeds", value).Numbers("--seeds")).Message, $"needs a number greater than zero, not \"{value}\".");

    [TestMethod]
    public void Choices_KnownOnes_AreInTheOrderOfTheNames()
    {
        CollectionAssert.AreEqual(new[] { "a", "b" }, Read("--way", "b", "--way", "a").Choices("--way", "a", "b", "c").ToArray());
        CollectionAssert.AreEqual(new[] { "a", "b" }, Read().Choices("--way", "a", "b").ToArray());
        Assert.AreEqual("a", Read().Choice("--way", "a", "b"));
        Assert.AreEqual("b", Read("--way", "b").Choice("--way", "a", "b"));
        CollectionAssert.AreEqual(new[] { "LoRA, iEF", "head, iEF" }, Read("--way", "iEF").Parts("--way", "LoRA, iEF", "LoRA, AdamW", "head, iEF").ToArray());
    }

    [TestMethod]
    public void Choices_UnknownOne_IsRefusedWithTheNames()
    {
        Assert.AreEqual("--way cannot be \"d\". Use a, b.", Assert.ThrowsExactly<UsageException>(() => Read("--way", "a", "--way", "d").Choices("--way", "a", "b")).Message);
        Assert.AreEqual("--way \"d\" is in none of these: a; b.", Assert.ThrowsExactly<UsageException>(() => Read("--way", "d").Parts("--way", "a", "b")).Message);
    }

    [TestMethod]
    public void Inputs_AfterTwoHyphens_AreNoOptions()
    {
        var options = new CommandOptions(["one", "--quick", "--", "--seeds", "help"], Usage, takesInputs: true);

        CollectionAssert.AreEqual(new[] { "one", "--seeds", "help" }, options.Inputs.ToArray());
        Assert.IsFalse(options.Has("--seeds"));
    }

    [TestMethod]
    public void AsksForHelp_AfterTwoHyphens_IsATextToClassify()
    {
        Assert.IsTrue(CommandOptions.AsksForHelp(["--quick", "-h"]));
        Assert.IsFalse(CommandOptions.AsksForHelp(["classify", "--", "help"]));
    }

    private static CommandOptions Read(params string[] arguments) => new(arguments, Usage);
}
