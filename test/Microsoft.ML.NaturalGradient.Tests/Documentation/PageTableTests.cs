using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Architecture;
using Mono.Cecil;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>Tables that list what the code has: nothing is missing, and nothing is listed that is no more.</summary>
[TestClass]
public sealed partial class PageTableTests
{
    private const string Main = "Microsoft.ML.NaturalGradient";

    [TestMethod]
    [DataRow(Main + ".Inputs")]
    [DataRow(Main + ".Optimization")]
    [DataRow(Main + ".Transformers")]
    [DataRow(Main + ".Pipelines")]
    [DataRow(Main + ".Onnx")]
    [DataRow(Main + ".Mpi")]
    [DataRow(Main)]
    public void Architecture_TableOfARoom_ListsItsFolders(string room)
    {
        var source = Path.Combine(CodeExampleTests.RepositoryRoot(), "src", room);
        var rows = RoomRows(room);

        CollectionAssert.AreEquivalent(
            Directory.EnumerateDirectories(source).Select(Path.GetFileName).ToArray(), rows.SelectMany(row => row.Folders).ToArray());
        foreach (var (folders, parts) in rows)
        {
            CollectionAssert.AreEquivalent(
                folders.SelectMany(folder => Directory.EnumerateDirectories(Path.Combine(source, folder))).Select(Path.GetFileName).ToArray(), parts, folders[0]);
        }
    }

    [TestMethod]
    [DataRow(Main + ".Inputs")]
    [DataRow(Main + ".Optimization")]
    [DataRow(Main + ".Transformers")]
    [DataRow(Main + ".Pipelines")]
    [DataRow(Main + ".Onnx")]
    [DataRow(Main + ".Mpi")]
    [DataRow(Main)]
    public void Architecture_TableOfARoom_HasEachFolderBelowThoseItUses(string room)
    {
        using var assembly = AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, room + ".dll"));
        var graph = new FolderGraph(assembly, FolderGraph.FoldersBelow(Path.Combine(CodeExampleTests.RepositoryRoot(), "src", room)));
        var places = RoomRows(room).SelectMany((row, place) => row.Folders.Select(folder => (folder, place))).ToDictionary();

        foreach (var folder in places.Keys.Where(graph.Folders.Contains))
        {
            foreach (var (used, types) in graph.UsesOf(folder).Where(use => use.Key != "."))
            {
                Assert.IsTrue(places[used] <= places[folder], $"{folder}/ uses {used}/, which is below it: {string.Join(", ", types)}");
            }
        }
    }

    [TestMethod]
    public void Optimizers_Tables_HaveARowForEveryMember() => CollectionAssert.AreEquivalent(
        typeof(Optimizers).GetProperties(BindingFlags.Public | BindingFlags.Static).Select(property => property.Name).ToArray(),
        FirstCells("docs/optimizers.md").SelectMany(cell => Code().Matches(cell)).Select(match => match.Groups[1].Value).ToArray());

    [TestMethod]
    public void OwnModels_TableOfEncoders_HasEveryModelType()
    {
        var pages = string.Concat(new[] { "docs/own-models.md", "docs/images.md" }.Select(Read));

        foreach (var architecture in Architectures.All)
        {
            StringAssert.Matches(pages, new Regex($@"^\|.*`{Regex.Escape(architecture.ModelType)}`.*\|", RegexOptions.Multiline), architecture.ModelType);
        }
    }

    // The folders of the first cell of each row, and those within them that the second cell names.
    private static (string[] Folders, string[] Parts)[] RoomRows(string room)
    {
        var page = Read("docs/architecture.md");
        var start = page.IndexOf($"### `{room}`:", StringComparison.Ordinal);
        Assert.IsGreaterThan(-1, start, room);
        var table = page[start..].Split('\n').SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|'));
        return [.. table.Skip(2).Select(line => line.Split('|')).Select(cells => (Named(cells[1]), Named(cells[2])))];

        static string[] Named(string cell) => [.. Folder().Matches(cell).Select(match => match.Groups[1].Value)];
    }

    private static IEnumerable<string> FirstCells(string page) =>
        Read(page).Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('|')[1]);

    private static string Read(string page) => File.ReadAllText(Path.Combine(CodeExampleTests.RepositoryRoot(), page)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"`(\w+)/`")]
    private static partial Regex Folder();

    [GeneratedRegex(@"`(\w+)`")]
    private static partial Regex Code();
}
