using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>Code shown to readers is compiled: every C# block of a page equals a region of a sample or of a test, or is part of a source file.</summary>
[TestClass]
public sealed partial class CodeExampleTests
{
    [TestMethod]
    [DataRow("README.md")]
    [DataRow("docs/getting-started.md")]
    [DataRow("docs/own-models.md", "samples", "src/Microsoft.ML.NaturalGradient.Transformers/Encoders/MPNetEncoder.cs")]
    [DataRow("docs/images.md")]
    [DataRow("docs/own-optimizer.md", "test")]
    [DataRow("docs/optimizers.md", "test")]
    [DataRow("docs/fidelity.md", "test")]
    [DataRow("docs/interrupted-runs.md", "test")]
    [DataRow("docs/processes.md", "test")]
    [DataRow("docs/metrics.md", "test")]
    [DataRow("docs/text-tasks.md", "test")]
    [DataRow("docs/serving.md", "test")]
    [DataRow("docs/onnx.md", "test")]
    [DataRow("src/Microsoft.ML.NaturalGradient.Onnx/README.md", "test")]
    [DataRow("src/Microsoft.ML.NaturalGradient/README.md", "samples", "samples/TextClassification/Quickstart.cs")]
    [DataRow("src/Microsoft.ML.NaturalGradient.Optimization/README.md", "test", "test/Microsoft.ML.NaturalGradient.Tests/Documentation/OwnNetworkTests.cs")]
    public void Page_EveryCodeBlock_IsARegionOfASample(string page, string folder = "samples", string? source = null)
    {
        var root = RepositoryRoot();
        var shown = source is null ? "" : Normalize(File.ReadAllLines(Path.Combine(root, source)));
        var regions = Directory.EnumerateFiles(Path.Combine(root, folder), "*.cs", SearchOption.AllDirectories)
            .SelectMany(path => Regions(File.ReadAllLines(path)))
            .ToHashSet();

        var codes = CodeBlock().Matches(File.ReadAllText(Path.Combine(root, page)).ReplaceLineEndings("\n")).Select(match => match.Groups["code"].Value.Split('\n')).ToArray();

        Assert.IsNotEmpty(codes);
        foreach (var code in codes)
        {
            var block = Normalize(code);
            Assert.IsFalse(code.Any(line => line.StartsWith("private ", StringComparison.Ordinal)), $"This code of {page} does not compile where it is pasted below a program of statements:\n{block}");
            Assert.IsTrue(regions.Contains(block) || shown.Contains(block, StringComparison.Ordinal), $"This code of {page} is not a region of {folder}/:\n{block}");
        }
    }

    [TestMethod]
    public void Readme_PastedIntoANewProject_IsTheProgramOfTheConsumer()
    {
        var root = RepositoryRoot();
        var pasted = CodeBlock().Match(File.ReadAllText(Path.Combine(root, "README.md")).ReplaceLineEndings("\n")).Groups["code"].Value;

        Assert.AreEqual(pasted, File.ReadAllText(Path.Combine(root, "test", "Consumer", "Training", "Program.cs")).ReplaceLineEndings("\n"));
    }

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    internal static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NaturalGradient.MLNet.sln")))
            {
                return folder.FullName;
            }
        }

        Assert.Inconclusive("The tests do not run inside the repository, so its pages are not there to read.");
        return "";
    }

    /// <summary>The regions of one file; parts with one name, such as usings and statements, belong together.</summary>
    private static IEnumerable<string> Regions(IEnumerable<string> lines)
    {
        var regions = new Dictionary<string, List<string>>();
        List<string>? open = null;
        foreach (var line in lines)
        {
            var text = line.Trim();
            if (text.StartsWith("#region ", StringComparison.Ordinal))
            {
                var name = text["#region ".Length..];
                open = regions.TryGetValue(name, out var earlier) ? earlier : regions[name] = [];
            }
            else if (text == "#endregion")
            {
                open = null;
            }
            else
            {
                open?.Add(line);
            }
        }

        return regions.Values.Select(Normalize);
    }

    /// <summary>Without indentation and blank lines, which a page may set as it likes.</summary>
    private static string Normalize(IEnumerable<string> lines) =>
        string.Join('\n', lines.Select(line => line.Trim()).Where(line => line.Length > 0));
}
