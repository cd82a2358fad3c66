using Microsoft.ML.NaturalGradient.Tests.Documentation;
using Mono.Cecil;

namespace Microsoft.ML.NaturalGradient.Tests.Architecture;

/// <summary>Assemblies point one way, and so do the folders inside them.</summary>
[TestClass]
public sealed class LayeringTests
{
    private const string Main = "Microsoft.ML.NaturalGradient";

    [TestMethod]
    [DataRow("Inputs", "", false, false)]
    [DataRow("Optimization", "Inputs", true, false)]
    [DataRow("Transformers", "Inputs Optimization", true, false)]
    [DataRow("Pipelines", "Inputs", false, true)]
    [DataRow("", "Inputs Optimization Transformers Pipelines", true, true)]
    public void Assembly_References_OnlyWhatItsRoomMayUse(string name, string rooms, bool torch, bool mlnet)
    {
        var allowed = rooms.Split(' ').Select(NameOf).ToArray();
        using var assembly = Open(name);

        var wrong = assembly.MainModule.AssemblyReferences.Select(reference => reference.Name).Where(reference =>
            reference == Main || reference.StartsWith(Main + ".", StringComparison.Ordinal) ? !allowed.Contains(reference)
            : reference.StartsWith("TorchSharp", StringComparison.Ordinal) ? !torch
            : reference.StartsWith("Microsoft.ML", StringComparison.Ordinal) && reference != "Microsoft.ML.Tokenizers" && !mlnet).ToArray();

        Assert.IsEmpty(wrong, $"{NameOf(name)} must not use {string.Join(", ", wrong)}: see docs/architecture.md.");
    }

    [TestMethod]
    [DataRow("Inputs")]
    [DataRow("Optimization")]
    [DataRow("Pipelines")]
    public void Folders_OfAnAssembly_FormNoCycle(string name)
    {
        using var assembly = Open(name);
        var graph = new FolderGraph(assembly, Path.Combine(CodeExampleTests.RepositoryRoot(), "src", NameOf(name)));

        Assert.IsGreaterThan(2, graph.Folders.Count);
        Assert.IsEmpty(graph.Unplaced, $"Types whose file was not found: {string.Join(", ", graph.Unplaced)}");
        Assert.IsNull(graph.DescribeCycle());
    }

    // Folders that are known to form one: what a cycle would be told by.
    [TestMethod]
    public void DescribeCycle_FoldersInACycle_NamesTypes()
    {
        using var assembly = Open("Transformers");

        var cycle = new FolderGraph(assembly, Path.Combine(CodeExampleTests.RepositoryRoot(), "src", NameOf("Transformers"))).DescribeCycle();

        StringAssert.Contains(cycle, "Adapters -> Models: ");
        StringAssert.Contains(cycle, "Models -> Adapters: ");
        StringAssert.Contains(cycle, "LinearLayer uses LinearAdapter");
    }

    private static string NameOf(string room) => room.Length == 0 ? Main : $"{Main}.{room}";

    private static AssemblyDefinition Open(string room) => AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, NameOf(room) + ".dll"));
}
