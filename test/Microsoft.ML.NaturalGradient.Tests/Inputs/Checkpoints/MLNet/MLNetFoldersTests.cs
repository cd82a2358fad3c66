using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints.MLNet;

/// <summary>Where the files of ML.NET's own models are looked for, and what is said where they are not.</summary>
[TestClass]
public sealed class MLNetFoldersTests
{
    private const string File = "NasBert2000000.tsm";

    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-folders").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow(MLNetModel.NasBert, File)]
    [DataRow(MLNetModel.Roberta, "pretrained_Roberta_encoder.tsm")]
    public void Find_PathOfFileOrFolder_IsTheFile(MLNetModel model, string name)
    {
        var (usual, other) = (Write(name), Write("other.bin"));

        Assert.AreEqual(usual, MLNetFolders.Find(model, _folder, None));
        Assert.AreEqual(other, MLNetFolders.Find(model, other, None));
    }

    [TestMethod]
    public void Find_FolderThatTheVariableNames_ComesFirst()
    {
        var direct = Write(File);
        Assert.AreEqual(direct, MLNetFolders.Find(MLNetModel.NasBert, null, Variable));

        Directory.CreateDirectory(Path.Combine(_folder, "mlnet"));
        var within = Write(Path.Combine("mlnet", File));
        Assert.AreEqual(within, MLNetFolders.Find(MLNetModel.NasBert, null, Variable));

        string? Variable(string name) => name == "MICROSOFTML_RESOURCE_PATH" ? _folder : null;
    }

    [TestMethod]
    public void Find_FileThatMLNetDownloaded_IsInTheFolderForTemporaryFiles()
    {
        var expected = Path.Combine(Path.GetTempPath(), "mlnet", File);

        Assert.AreEqual(expected, MLNetFolders.Find(MLNetModel.NasBert, null, None, path => path == expected));
    }

    [TestMethod]
    public void Find_NoFile_ListsThePlacesAndSaysWhatToDo()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => MLNetFolders.Find(
            MLNetModel.Roberta, null, name => name == MLNetFolders.PathVariable ? _folder : null, _ => false));

        Assert.AreEqual("pretrained_Roberta_encoder.tsm", error.FileName);
        StringAssert.StartsWith(error.Message, "There is no pretrained_Roberta_encoder.tsm, the weights of MLNetModel.Roberta. Looked for: ");
        string[] folders = [Path.Combine(_folder, "mlnet"), _folder, Path.Combine(Path.GetTempPath(), "mlnet")];
        foreach (var folder in folders)
        {
            StringAssert.Contains(error.Message, $"'{Path.Combine(folder, "pretrained_Roberta_encoder.tsm")}'");
        }

        StringAssert.Contains(error.Message, "download https://aka.ms/mlnet-resources/models/pretrained_Roberta_encoder.tsm and give its path: "
            + "PretrainedModel.FromMLNet(MLNetModel.Roberta, path)");
    }

    [TestMethod]
    public void Find_NoFileAndAnotherAddress_NamesThatAddress()
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => MLNetFolders.Find(
            MLNetModel.NasBert, Path.Combine(_folder, "nothing"), name => name == "MICROSOFTML_RESOURCE_URL" ? "https://some.where/" : null));

        StringAssert.Contains(error.Message, $"'{Path.Combine(_folder, "nothing")}'");
        StringAssert.Contains(error.Message, "https://some.where/models/NasBert2000000.tsm");
    }

    [TestMethod]
    public void FindVocabulary_FilesBesideTheWeights_AreRead()
    {
        foreach (var name in MLNetVocabulary.Names)
        {
            Write(name);
        }

        using var stream = MLNetVocabulary.Find(_folder, "No.Such.Assembly")("dict.txt");

        Assert.AreEqual(1, stream.Length);
    }

    [TestMethod]
    public void FindVocabulary_NotAllBesideTheWeights_AreThoseOfThePackage()
    {
        Write("dict.txt");

        using var stream = MLNetVocabulary.Find(_folder)("dict.txt");

        Assert.AreEqual(653550, stream.Length);
    }

    [TestMethod]
    [DataRow("No.Such.Assembly", "which this application does not have")]
    [DataRow("Mono.Cecil", "which this application has in a version without them")]
    public void FindVocabulary_Nowhere_SaysWhatToDo(string assembly, string what)
    {
        var error = Assert.ThrowsExactly<FileNotFoundException>(() => MLNetVocabulary.Find(_folder, assembly));

        StringAssert.Contains(error.Message, $"needs encoder.json, vocab.bpe, dict.txt. They are neither all in '{_folder}' nor in the package {assembly}, {what}");
        StringAssert.Contains(error.Message, $"dotnet add package {assembly}");
    }

    private static string? None(string name) => null;

    private string Write(string name)
    {
        var path = Path.Combine(_folder, name);
        System.IO.File.WriteAllText(path, "x");
        return path;
    }
}
