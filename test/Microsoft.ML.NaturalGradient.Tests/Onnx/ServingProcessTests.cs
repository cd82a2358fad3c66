using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Tests.Documentation;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>A program that references the room Onnx only: it scores, and has no TorchSharp.</summary>
[TestClass]
public sealed class ServingProcessTests
{
    private const string Name = "Microsoft.ML.NaturalGradient.ServingProcess";

    private readonly string _folder = Directory.CreateTempSubdirectory("serving-process").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("pair")]
    [DataRow("classes")]
    public void Load_InAProcessWithoutTorchSharp_Scores(string task)
    {
        var path = Path.Combine(_folder, "served.zip");
        string[] texts = ["the film was good", "the meal was awful and we had it again", "film"];
        var data = _mlContext.Data.LoadFromEnumerable(texts.Select(text => new { Text = text, Pair = text }));
        float[][] expected;
        using (var trained = (IDisposable)ServingTasks.Train(_mlContext, task))
        {
            _mlContext.Model.SaveForServing((ITransformer)trained, null, path);
            expected = ColumnText.Numbers(((ITransformer)trained).Transform(data), "Score");
        }

        var lines = Run([path, .. texts]);

        var scores = lines.Take(texts.Length).Select(line => line.Split(' ').Select(score => float.Parse(score, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        SaveForServingTests.AssertNear(expected, scores);
        var assemblies = lines.Skip(texts.Length).Select(line => line["assembly ".Length..]).ToArray();
        CollectionAssert.Contains(assemblies, "Microsoft.ML.NaturalGradient.Onnx");
        Assert.IsEmpty(assemblies.Where(IsOfTorch));
    }

    [TestMethod]
    [DataRow("Microsoft.ML.NaturalGradient.Onnx")]
    [DataRow(Name)]
    public void Restore_OfTheProject_BringsNoTorch(string project)
    {
        using var assets = JsonDocument.Parse(File.ReadAllText(Path.Combine(CodeExampleTests.RepositoryRoot(), "artifacts", "obj", project, "project.assets.json")));

        var libraries = assets.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name.Split('/')[0]).ToArray();

        CollectionAssert.Contains(libraries, "Microsoft.ML.OnnxRuntime");
        Assert.IsEmpty(libraries.Where(IsOfTorch));
    }

    [TestMethod]
    public void Folder_OfTheProgram_HasNoTorch()
    {
        var files = Directory.EnumerateFiles(ProgramFolder(), "*", SearchOption.AllDirectories).Select(file => Path.GetFileName(file)).ToArray();

        CollectionAssert.Contains(files, "Microsoft.ML.NaturalGradient.Onnx.dll");
        Assert.IsEmpty(files.Where(IsOfTorch));
    }

    // The trainers' own assembly and the rooms with networks count, since they need TorchSharp.
    private static bool IsOfTorch(string? name) => name is not null && (name.Contains("torch", StringComparison.OrdinalIgnoreCase)
        || name is "Microsoft.ML.NaturalGradient" or "Microsoft.ML.NaturalGradient.dll" || name.StartsWith("Microsoft.ML.NaturalGradient.Optimization", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.ML.NaturalGradient.Transformers", StringComparison.Ordinal));

    private static string ProgramFolder()
    {
        var output = new DirectoryInfo(AppContext.BaseDirectory);
        return Path.Combine(output.Parent!.Parent!.FullName, Name, output.Name);
    }

    private static string[] Run(IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(ProgramFolder(), Name + ".dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, errors.GetAwaiter().GetResult());
        return text.Trim().ReplaceLineEndings("\n").Split('\n');
    }
}
