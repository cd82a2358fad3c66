using System.Reflection;
using System.Runtime.Loader;
using System.Security.Cryptography;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class PretrainedModelTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pretrained-model").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    public void MiniLM_Open_HasEverythingATextEncoderNeeds()
    {
        using var files = PretrainedModel.MiniLM.Open();
        using var weights = files.OpenSafetensors("model.safetensors");

        Assert.AreEqual(384, ModelConfig.Read(files).RequireInt("hidden_size"));
        Assert.AreEqual("30522,384", string.Join(',', weights.ShapeOf("embeddings.word_embeddings.weight")));
        Assert.IsTrue(files.Exists("vocab.txt"));
        Assert.IsTrue(files.Exists("tokenizer_config.json"));
        Assert.AreEqual("MiniLM", PretrainedModel.MiniLM.ToString());
    }

    [TestMethod]
    public void For_ManyClasses_TakesAllLayersWhereTheUserNamedNone()
    {
        Assert.AreEqual(8, PretrainedModel.DefaultForTexts.For(19).Layers);
        Assert.IsNull(PretrainedModel.DefaultForTexts.For(20).Layers);
        Assert.AreEqual(PretrainedModel.BgeSmall, PretrainedModel.DefaultForTexts.For(1000));
        Assert.AreEqual(8, (PretrainedModel.DefaultForTexts with { Layers = 8 }).For(1000).Layers);
        Assert.AreEqual(8, (PretrainedModel.BgeSmall with { Layers = 8 }).For(1000).Layers);
    }

    [TestMethod]
    public void ViTSmall_Open_HasEverythingAnImageEncoderNeeds()
    {
        using var files = PretrainedModel.ViTSmall.Open();
        using var weights = files.OpenSafetensors("model.safetensors");

        Assert.AreEqual("dinov2", ModelConfig.Read(files).ModelType);
        Assert.AreEqual("384,3,14,14", string.Join(',', weights.ShapeOf("embeddings.patch_embeddings.projection.weight")));
        Assert.IsTrue(files.Exists("preprocessor_config.json"));
        Assert.AreEqual("ViTSmall", PretrainedModel.ViTSmall.ToString());
        Assert.IsNull(PretrainedModel.ViTSmall.Location);
    }

    [TestMethod]
    [DataRow("Microsoft.ML.NaturalGradient.BgeSmall", "MIT License")]
    [DataRow("Microsoft.ML.NaturalGradient.MiniLM", "Apache License")]
    [DataRow("Microsoft.ML.NaturalGradient.ViTSmall", "MIT License")]
    public void Package_EmbeddedWeights_AreTheOnesTheReadmeDescribes(string name, string licenceName)
    {
        var package = Assembly.Load(name);
        using var weights = package.GetManifestResourceStream("model/model.safetensors")!;
        using var readme = new StreamReader(package.GetManifestResourceStream("README.md")!);
        using var licence = new StreamReader(package.GetManifestResourceStream("LICENSE")!);

        var hash = Convert.ToHexStringLower(SHA256.HashData(weights));

        StringAssert.Contains(readme.ReadToEnd(), $"| SHA-256 of `model.safetensors` | `{hash}` |");
        StringAssert.Contains(licence.ReadToEnd(), licenceName);
    }

    [TestMethod]
    public void Open_PackageNotThere_SaysWhichToAdd()
    {
        var model = PretrainedModel.FromPackage("X", "Microsoft.ML.NaturalGradient.X");

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => model.Open());

        StringAssert.Contains(error.Message, "dotnet add package NaturalGradient.MLNet.X");
        StringAssert.Contains(error.Message, "PretrainedModel.FromFolder");
    }

    [TestMethod]
    public void Open_Package_IsAskedForWithItsVersion() // a notebook's loader gives it only once to those who ask without
    {
        var context = new RecordingContext();
        var type = context.LoadFromAssemblyPath(typeof(PretrainedModel).Assembly.Location).GetType(typeof(PretrainedModel).FullName!)!;
        var model = type.GetProperty(nameof(PretrainedModel.MiniLM))!.GetValue(null);

        using var files = (IDisposable)type.GetMethod(nameof(PretrainedModel.Open), BindingFlags.Instance | BindingFlags.NonPublic)!
            .Invoke(model, [null, CancellationToken.None])!;

        Assert.AreEqual(Assembly.Load("Microsoft.ML.NaturalGradient.MiniLM").GetName().Version,
            context.Asked.Single(name => name.Name == "Microsoft.ML.NaturalGradient.MiniLM").Version);
    }

    [TestMethod]
    public void FromFolder_CompleteFolder_Opens()
    {
        AddFiles("config.json", "model.safetensors", "pytorch_model.bin");
        var model = PretrainedModel.FromFolder(_folder);

        using var files = model.Open();

        Assert.IsTrue(files.Exists("config.json"));
        Assert.AreEqual($"the model in '{_folder}'", model.ToString());
    }

    [TestMethod]
    public void FromFolder_RelativePath_IsTakenFromTheFolderOfTheCall()
    {
        var model = PretrainedModel.FromFolder("some-model");

        Assert.AreEqual($"the model in '{Path.GetFullPath("some-model")}'", model.ToString());
    }

    [TestMethod]
    [DataRow("")]
    [DataRow(" ")]
    public void FromFolder_EmptyPath_Throws(string path)
    {
        Assert.ThrowsExactly<ArgumentException>(() => PretrainedModel.FromFolder(path));
    }

    [TestMethod]
    public void FromFolder_Null_Throws()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => PretrainedModel.FromFolder(null!));
    }

    [TestMethod]
    public void Open_NoFolder_SaysWhatItShouldHold()
    {
        var path = Path.Combine(_folder, "absent");

        var error = Assert.ThrowsExactly<DirectoryNotFoundException>(() => PretrainedModel.FromFolder(path).Open());

        StringAssert.Contains(error.Message, $"no folder '{path}'");
        StringAssert.Contains(error.Message, "config.json and model.safetensors");
    }

    [TestMethod]
    [DataRow("config.json", "model.safetensors")]
    [DataRow("model.safetensors", "config.json")]
    [DataRow("model.safetensors", "config.json", "tf_model.h5")]
    public void Open_IncompleteFolder_NamesTheMissingFile(string missing, params string[] present)
    {
        AddFiles(present);

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => PretrainedModel.FromFolder(_folder).Open());

        StringAssert.StartsWith(error.Message, $"There is no {missing} in '{_folder}'.");
    }

    [TestMethod]
    [DataRow("pytorch_model.bin")]
    [DataRow("pytorch_model-00001-of-00002.bin")]
    [DataRow("weights.pt")]
    [DataRow("weights.pth")]
    [DataRow("weights.ckpt")]
    public void Open_OnlyPickles_SaysWhyTheyAreRefusedAndHowToConvert(string pickle)
    {
        AddFiles("config.json", "training_args.bin", pickle);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => PretrainedModel.FromFolder(_folder).Open());

        StringAssert.Contains(error.Message, $"'{pickle}', a Python pickle");
        StringAssert.Contains(error.Message, "can run any code");
        StringAssert.EndsWith(error.Message, $".save_pretrained(r'{_folder}', safe_serialization=True).");
    }

    [TestMethod]
    public void Open_WeightsInSeveralFiles_Opens()
    {
        AddFiles("config.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors", "pytorch_model.bin");

        using var files = PretrainedModel.FromFolder(_folder).Open();

        Assert.IsTrue(files.IsSharded);
    }

    [TestMethod]
    public void Open_PartsWithoutIndex_NamesTheIndex()
    {
        AddFiles("config.json", "model-00001-of-00002.safetensors", "pytorch_model.bin");

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => PretrainedModel.FromFolder(_folder).Open());

        StringAssert.StartsWith(error.Message, $"There is no model.safetensors.index.json in '{_folder}'.");
    }

    private void AddFiles(params string[] names)
    {
        foreach (var name in names)
        {
            File.WriteAllText(Path.Combine(_folder, name), "");
        }
    }

    private sealed class RecordingContext : AssemblyLoadContext
    {
        public List<AssemblyName> Asked { get; } = [];

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            Asked.Add(assemblyName);
            return null;
        }
    }
}
