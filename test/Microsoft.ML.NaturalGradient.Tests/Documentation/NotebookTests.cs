using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.CodeAnalysis.Scripting.Hosting;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The cells of the notebooks run one after the other, as a notebook's kernel runs them.</summary>
[TestClass]
public sealed partial class NotebookTests
{
    /// <summary>The namespaces that a cell needs no using for.</summary>
    private static readonly string[] KernelUsings = ["System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Text", "System.Threading.Tasks"];

    private static string Folder => Path.Combine(CodeExampleTests.RepositoryRoot(), "docs", "notebooks");

    private static string NotebookPath => Path.Combine(Folder, "text-classification.ipynb");

    private static ScriptOptions Options => ScriptOptions.Default.WithImports(KernelUsings).WithReferences(References);

    /// <summary>What the package brings, and what the kernel has.</summary>
    private static HashSet<Assembly> References
    {
        get
        {
            HashSet<Assembly> found = [typeof(object).Assembly, typeof(Console).Assembly];
            var open = new Queue<Assembly>([typeof(NaturalGradientCatalog).Assembly]);
            while (open.TryDequeue(out var assembly))
            {
                if (found.Add(assembly))
                {
                    foreach (var name in assembly.GetReferencedAssemblies())
                    {
                        open.Enqueue(Assembly.Load(name));
                    }
                }
            }

            return found;
        }
    }

    private static string[] Cells
    {
        get
        {
            using var notebook = JsonDocument.Parse(File.ReadAllBytes(NotebookPath));
            return [.. notebook.RootElement.GetProperty("cells").EnumerateArray()
                .Where(cell => cell.GetProperty("cell_type").GetString() == "code")
                .Select(cell => string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString())))];
        }
    }

    [TestMethod]
    public async Task TextClassification_EveryCodeCell_Runs()
    {
        const string rows = "var rows = 800;";
        var cells = Cells.Select(cell => Directive().Replace(cell, "")).ToArray();
        var folder = Directory.GetCurrentDirectory();
        var console = Console.Out;
        using var output = new StringWriter();

        ScriptState? state = null;
        try
        {
            Directory.SetCurrentDirectory(Folder); // as the kernel's is
            Console.SetOut(output);
            using var loader = Loader();
            foreach (var cell in cells.Select(cell => cell.Replace(rows, "var rows = 24;", StringComparison.Ordinal))) // seconds instead of a minute
            {
                state = state is null
                    ? await CSharpScript.Create(cell, Options, assemblyLoader: loader).RunAsync()
                    : await state.ContinueWithAsync(cell);
            }
        }
        finally
        {
            Console.SetOut(console);
            Directory.SetCurrentDirectory(folder);
        }

        Assert.HasCount(1, cells.Where(cell => cell.Contains(rows, StringComparison.Ordinal)));
        Assert.MatchesRegex(@"^iEF: accuracy \S+, log-loss \S+\r?\nAdamW: accuracy \S+, log-loss \S+\r?\n(negative|positive) \(\S+\)\r?\n$", output.ToString());
    }

    [TestMethod]
    public void TextClassification_EveryLink_LeadsSomewhere()
    {
        var links = Link().Matches(File.ReadAllText(NotebookPath)).Select(match => match.Groups[1].Value).ToArray();

        Assert.IsNotEmpty(links);
        Assert.IsEmpty(links.Where(link => !Path.Exists(Path.Combine(Folder, link))));
    }

    [TestMethod]
    public void TextClassification_Package_IsOneOfTheProjects()
    {
        var packages = Cells.SelectMany(cell => Directive().Matches(cell)).Where(match => match.Groups["kind"].Value == "r")
            .Select(match => match.Groups["name"].Value).ToArray();
        var projects = Directory.EnumerateFiles(Path.Combine(CodeExampleTests.RepositoryRoot(), "src"), "*.csproj", SearchOption.AllDirectories)
            .Select(path => Path.GetFileNameWithoutExtension(path).Replace("Microsoft.ML.NaturalGradient", "NaturalGradient.MLNet", StringComparison.Ordinal)).ToArray();

        Assert.IsNotEmpty(packages);
        CollectionAssert.IsSubsetOf(packages, projects);
    }

    /// <summary>Gives scripts the assemblies that this process has, whose static state and native library they share.</summary>
    private static InteractiveAssemblyLoader Loader()
    {
        var loader = new InteractiveAssemblyLoader();
        foreach (var assembly in References)
        {
            loader.RegisterDependency(assembly);
        }

        return loader;
    }

    [GeneratedRegex("""^#(?<kind>[ir]) "nuget: ?(?<name>[^",]+)[^"]*"$""", RegexOptions.Multiline)]
    private static partial Regex Directive();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
