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
    [DataRow("Onnx", "Inputs Pipelines", false, true)]
    [DataRow("Mpi", "Inputs", false, false)]
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
    [DataRow("Transformers")]
    [DataRow("Pipelines")]
    [DataRow("Onnx")]
    [DataRow("Mpi")]
    [DataRow("")]
    public void Folders_OfAnAssembly_FormNoCycle(string name)
    {
        using var assembly = Open(name);
        var graph = new FolderGraph(assembly, FolderGraph.FoldersBelow(Path.Combine(CodeExampleTests.RepositoryRoot(), "src", NameOf(name))));

        Assert.IsGreaterThan(2, graph.Folders.Count);
        Assert.IsEmpty(graph.Unplaced, $"Types whose file was not found: {string.Join(", ", graph.Unplaced)}");
        Assert.IsNull(graph.DescribeCycle());
    }

    [TestMethod]
    [DataRow("Inputs")]
    [DataRow("Optimization")]
    [DataRow("Transformers")]
    [DataRow("Pipelines")]
    [DataRow("Onnx")]
    [DataRow("Mpi")]
    [DataRow("")]
    public void PublicTypes_OfAnAssembly_AreInTheNamespacesOfUsers(string name)
    {
        using var assembly = Open(name);

        var types = assembly.MainModule.Types.Where(type => type.IsPublic).ToArray();

        Assert.IsNotEmpty(types);
        Assert.IsEmpty(types.Where(type => type.Namespace is not (Main or "Microsoft.ML")).Select(type => type.FullName), "These belong to the room alone: make them internal.");
    }

    [TestMethod]
    public void DescribeCycle_TypesThatUseEachOtherInTwoFolders_NamesThem()
    {
        using var assembly = Open("Transformers");
        var folders = new Dictionary<string, string> { ["LinearLayer"] = "One", ["LinearAdapter"] = "Other" };

        var cycle = new FolderGraph(assembly, folders).DescribeCycle();

        Assert.AreEqual("One -> Other: LinearLayer uses LinearAdapter\nOther -> One: LinearAdapter uses LinearLayer", cycle);
    }

    private static string NameOf(string room) => room.Length == 0 ? Main : $"{Main}.{room}";

    private static AssemblyDefinition Open(string room) => AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, NameOf(room) + ".dll"));
}
