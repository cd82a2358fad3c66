using Samples;
using TextTasksSample;

namespace Microsoft.ML.NaturalGradient.Tests.Samples.TextTasks;

[TestClass]
public sealed class CommandLineTests
{
    [TestMethod]
    public void Parse_NoArguments_FindsNamesWithIef()
    {
        var options = TextTasksSample.CommandLine.Parse([])!;

        Assert.AreEqual((TaskKind.Names, 1, false), (options.Task, options.Seed, options.Quick));
        Assert.IsInstanceOfType<IefOptions>(options.Optimizer);
    }

    [TestMethod]
    public void Parse_AllOptions_AreTaken()
    {
        var options = TextTasksSample.CommandLine.Parse(
            ["--task", "labels", "--data", "a.tsv", "--encoding", "utf-8", "--rows", "7", "--epochs", "2", "--optimizer", "adamw", "--seed", "3", "--quick", "--output", "o"])!;

        Assert.AreEqual((TaskKind.Labels, "a.tsv", "utf-8"), (options.Task, options.DataPath, options.Encoding));
        Assert.AreEqual((7, 2, 3, true, "o"), (options.TrainingRows, options.Epochs, options.Seed, options.Quick, options.OutputFolder));
        Assert.IsInstanceOfType<AdamWOptions>(options.Optimizer);
    }

    [TestMethod]
    public void Parse_Help_IsNoRun() => Assert.IsNull(TextTasksSample.CommandLine.Parse(["--task", "ner", "--help"]));

    [TestMethod]
    [DataRow("There is no task \"names\". Use ner, qa, labels or number.", "--task", "names")]
    [DataRow("There is no optimizer \"adam\" here. Use ief or adamw.", "--optimizer", "adam")]
    [DataRow("There is no argument \"ner\" here.", "ner")]
    [DataRow("--task needs a value after it.", "--task", "--quick")]
    [DataRow("--epochs needs a whole number greater than zero, not \"0\".", "--epochs", "0")]
    [DataRow("--encoding tells of your own file with columns", "--task", "labels", "--encoding", "utf-8")]
    [DataRow("--encoding tells of your own file with columns", "--data", "a.conll", "--encoding", "utf-8")]
    public void Parse_WrongArguments_SaysWhatIsWrong(string expected, params string[] arguments)
    {
        var exception = Assert.ThrowsExactly<UsageException>(() => TextTasksSample.CommandLine.Parse(arguments));

        Assert.Contains(expected, exception.Message);
    }
}
