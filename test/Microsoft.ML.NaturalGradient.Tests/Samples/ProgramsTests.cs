using System.Diagnostics;

namespace Microsoft.ML.NaturalGradient.Tests.Samples;

/// <summary>The command lines of samples and benchmarks, as processes: what is wrong is said in a sentence, before anything is trained.</summary>
[TestClass]
public sealed class ProgramsTests : IDisposable
{
    private const string Bench = "Microsoft.ML.NaturalGradient.Benchmarks";

    private readonly string _folder = Directory.CreateTempSubdirectory("programs-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(Bench, "There is no verb \"acuracy\".", "acuracy", "--data", ".")]
    [DataRow(Bench, "--data is missing.", "accuracy")]
    [DataRow(Bench, "--data is missing.", "similarity")]
    [DataRow(Bench, "There is no argument \"--sedes\" here.", "accuracy", "--data", ".", "--sedes", "1")]
    [DataRow(Bench, "--task cannot be \"SST\".", "accuracy", "--data", ".", "--task", "SST")]
    [DataRow(Bench, "--task cannot be \"sst\".", "few-rows", "--data", ".", "--task", "sst")]
    [DataRow(Bench, "--rows cannot be \"9\".", "few-rows", "--data", ".", "--rows", "9")]
    [DataRow(Bench, "--way \"Ief\" is in none of these", "few-rows", "--data", ".", "--way", "Ief")]
    [DataRow(Bench, "--results is missing.", "tasks", "--data", ".")]
    [DataRow(Bench, "--task cannot be \"ner\".", "tasks", "--data", ".", "--results", "r", "--task", "ner")]
    [DataRow(Bench, "There is no encoder \"Bge\" here.", "tasks", "--data", ".", "--results", "r", "--encoder", "Bge")]
    [DataRow(Bench, "--seeds needs a whole number greater than zero, not \"x\".", "tasks", "--data", ".", "--results", "r", "--seeds", "x")]
    [DataRow(Bench, "--minutes needs a number greater than zero, not \"0\".", "minutes", "--data", ".", "--results", "r", "--minutes", "0")]
    [DataRow(Bench, "--optimizer cannot be \"Adam\".", "processes", "--optimizer", "Adam")]
    [DataRow(Bench, "--pictures cannot be \"please\".", "serving", "--pictures", "please")]
    [DataRow(Bench, "There is no device \"cpux\".", "device", "cpux", "--steps", "1")]
    [DataRow(Bench, "There is no adapter \"lora\"", "memory-micro", "lora", "all")]
    [DataRow("TextClassification", "--output needs a value after it.", "--output", "")]
    [DataRow("TextClassification", "\"model.zip\" is a file that is read.", "classify", "--model", "model.zip", "--input", "a.txt", "--output", "model.zip")]
    [DataRow("TextClassification", "There is no argument \"--rows\" here.", "classify", "--rows", "3")]
    [DataRow("ImageClassification", "--size needs a multiple of 14 up to 4088", "--size", "14000")]
    [DataRow("TextTasks", "There is no argument \"--epoch\" here.", "--epoch", "3")]
    [DataRow("Replication", "--output needs the name of a folder.", "e1", "quick", "--output", "")]
    [DataRow("Replication", "There is no option \"--tinyy\" here.", "presets", "sst2", "--tinyy")]
    [DataRow("Replication", "Option 'data' is defined but no value has been provided.", "e2", "quick", "--data")]
    [DataRow("WebApi", "There is no argument \"--url\" here.", "--url", "http://localhost:0")]
    [DataRow("WebApi", "There is no argument \"--Models:Text:MaxBatch\" here.", "--Models:Text:MaxBatch", "3")]
    [DataRow("WebApi", "There is no argument \"--clients\" here.", "--clients", "3")]
    [DataRow("WebApi", "between 1 and 1024", "load", "--Models:Text:MaxBatchSize", "0")]
    [DataRow("WebApi", "Failed to convert configuration value 'x'", "--Models:Text:QueueLength", "x")]
    [DataRow("WebApi", "Invalid port: 'http://localhost:99999'", "--urls", "http://localhost:99999")]
    [DataRow("WebApi", "is a folder, where the file of a model should be", "--Models:Text:Path", ".")]
    public void Run_WrongArguments_AreAnErrorOfUse(string program, string expected, params string[] arguments)
    {
        var (code, _, errors) = Run(program, arguments);

        Assert.AreEqual(2, code, errors);
        StringAssert.StartsWith(errors, "error: ");
        StringAssert.Contains(errors, expected);
        Assert.DoesNotContain("   at ", errors);
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
    }

    [TestMethod]
    [DataRow("accuracy", "--data", "nowhere")]
    [DataRow("images", "--data", "nowhere")]
    [DataRow("tasks", "--data", ".", "--results", "nowhere/results.jsonl")]
    public void Bench_FilesThatAreNotThere_AreAFailure(params string[] arguments)
    {
        var (code, output, errors) = Run(Bench, arguments);

        Assert.AreEqual(1, code, errors);
        StringAssert.StartsWith(errors, "error: Could not find a part of the path");
        Assert.IsEmpty(output);
    }

    [TestMethod]
    public void Bench_NoSuchBenchmark_IsAFailure() => Assert.AreEqual(1, Run(Bench, "--filter", "none").Code);

    [TestMethod]
    [DataRow(Bench, "help")]
    [DataRow(Bench, "layers", "--help")]
    [DataRow("TextClassification", "--help")]
    [DataRow("WebApi", "--help")]
    public void Run_Help_IsNoError(string program, params string[] arguments)
    {
        var (code, output, errors) = Run(program, arguments);

        Assert.AreEqual((0, ""), (code, errors));
        StringAssert.Contains(output, "./build.sh");
    }

    private (int Code, string Output, string Errors) Run(string name, params string[] arguments)
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(output.Parent!.Parent!.FullName, name, output.Name, name + ".dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. arguments])
        {
            WorkingDirectory = _folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        })!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text, errors.GetAwaiter().GetResult());
    }
}
