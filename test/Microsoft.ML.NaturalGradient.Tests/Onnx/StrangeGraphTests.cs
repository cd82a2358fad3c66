using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using OnnxMessages;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Graphs and folders that cannot be used are refused with an error that says why, when they are loaded.</summary>
[TestClass]
public sealed class StrangeGraphTests
{
    private static readonly string Exported = Directory.CreateTempSubdirectory("strange-graphs").FullName;
    private static readonly Lazy<string> Texts = new(ExportTexts);
    private static readonly Lazy<string> Pictures = new(ExportPictures);

    private static readonly (string Name, Action<ModelProto> Change, string Expected)[] AllChanges =
    [
        ("newer operators", model => model.OpsetImport[0].Version = 999, "operator set 999"),
        ("newer format", model => model.IrVersion = 999, "cannot be loaded by ONNX Runtime"),
        ("unknown operator", model => model.Graph.Node[^1].OpType = "Guess", "Guess"),
        ("value from nowhere", model => model.Graph.Node[^1].Input[0] = "nothing", "cannot be loaded by ONNX Runtime"),
        ("no graph", model => model.Graph = null, "damaged or cut"),
        ("no mask", model => Rename(model.Graph, "attention_mask", "mask"), "has no input 'attention_mask'; its inputs are"),
        ("one more input", model => model.Graph.Input.Add(new ValueInfoProto(model.Graph.Input[0]) { Name = "position_ids" }), "has an input 'position_ids' for which there is no value"),
        ("no probabilities", model => model.Graph.Output.Remove(model.Graph.Output.Single(output => output.Name == "probabilities")), "has no output 'probabilities'; its outputs are 'logits'"),
        ("other classes", model => Note(model, "class_names").Value = """["a", "b", "c"]""", "puts out 2 numbers, but its description names 3"),
        ("no task", model => model.MetadataProps.Remove(Note(model, "task")), "has no note 'task'"),
        ("strange task", model => Note(model, "task").Value = "poetry", "notes 'task' as 'poetry'; expected one of class"),
        ("strange names", model => Note(model, "class_names").Value = "a, b", "notes 'class_names' as 'a, b'; expected a list"),
        ("one name", model => Note(model, "class_names").Value = """["a"]""", "at least two names"),
        ("no name", model => Note(model, "class_names").Value = """["a", null]""", "expected a list"),
        ("threshold above one", model => Note(model, "score_threshold").Value = "1.5", "expected a number from 0 to 1"),
        ("no tokens", model => Note(model, "max_tokens").Value = "0", "expected a number from 1 to"),
        ("weights elsewhere", model => External(model.Graph.Initializer[0], "model.onnx_data"), "has its weights in 'model.onnx_data', which is not there"),
        ("weights outside", model => External(model.Graph.Initializer[0], "../weights"), "outside the folder"),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("strange-graph").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    private string GraphPath => Path.Combine(_folder, "model.onnx");

    [ClassCleanup]
    public static void RemoveExported() => Directory.Delete(Exported, recursive: true);

    public static IEnumerable<object[]> Changes => AllChanges.Select(change => new object[] { change.Name });

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Changes))]
    public void Fit_ChangedGraph_SaysWhatIsWrong(string name)
    {
        var (_, change, expected) = AllChanges.Single(known => known.Name == name);
        Copy(Texts.Value);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(GraphPath));
        change(model);
        File.WriteAllBytes(GraphPath, model.ToByteArray());

        var error = Error();

        StringAssert.Contains(error.Message, expected, name);
        StringAssert.Contains(error.Message, _folder, name);
    }

    [TestMethod]
    public void Fit_OneBitOfAWeightFlipped_IsDamaged()
    {
        CopyAll(Texts.Value);
        var bytes = File.ReadAllBytes(GraphPath);
        var weights = ModelProto.Parser.ParseFrom(bytes).Graph.Initializer.MaxBy(initializer => initializer.RawData.Length)!.RawData;
        bytes[bytes.AsSpan().IndexOf(weights.Span) + (weights.Length / 2)] ^= 1;
        File.WriteAllBytes(GraphPath, bytes);

        StringAssert.Contains(Error().Message, $"'{GraphPath}' is not what was saved");
    }

    [TestMethod]
    public void Fit_CutGraph_IsDamaged()
    {
        Copy(Texts.Value);
        var bytes = File.ReadAllBytes(GraphPath);
        foreach (var length in new[] { 0, 1, 10, bytes.Length / 2, bytes.Length - 1 })
        {
            File.WriteAllBytes(GraphPath, bytes[..length]);

            StringAssert.Contains(Error().Message, "damaged or cut", $"{length}");
        }
    }

    [TestMethod]
    public void Fit_FileThatIsNoGraph_IsRefused()
    {
        Copy(Texts.Value);
        foreach (var content in new[] { "version https://git-lfs.github.com/spec/v1\n", "<html>not found</html>", "PK\u0003\u0004" })
        {
            File.WriteAllBytes(GraphPath, Encoding.ASCII.GetBytes(content));

            StringAssert.Contains(Error().Message, "no ONNX graph");
        }
    }

    [TestMethod]
    public void Fit_FlippedBytes_EndInScoresOrAnError()
    {
        Copy(Texts.Value);
        var bytes = File.ReadAllBytes(GraphPath);
        var random = new Random(1);
        var refused = 0;
        for (var round = 0; round < 60; round++)
        {
            var changed = bytes.ToArray();
            for (var i = 0; i < 3; i++)
            {
                changed[random.Next(round % 2 == 0 ? 4000 : changed.Length)] ^= (byte)(1 << random.Next(8)); // nodes stand at the beginning
            }

            File.WriteAllBytes(GraphPath, changed);
            try
            {
                using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(Rows());
                _ = applied.Transform(Rows()).GetColumn<float[]>("Score").Count();
            }
            catch (Exception e) when (e is InvalidDataException or InvalidOperationException or IOException)
            {
                refused++;
            }
        }

        Assert.IsGreaterThan(10, refused);
    }

    [TestMethod]
    public void Fit_NoGraph_NamesTheFile()
    {
        Copy(Texts.Value);
        File.Delete(GraphPath);

        var error = Assert.ThrowsExactly<FileNotFoundException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text"));

        StringAssert.Contains(error.Message, "'model.onnx'");
    }

    [TestMethod]
    public void Fit_TokenizerOfAnotherModel_IsRefused()
    {
        Copy(Texts.Value);
        File.Delete(Path.Combine(_folder, "tokenizer.json"));
        File.AppendAllLines(Path.Combine(_folder, "vocab.txt"), ["one", "token", "more"]);

        StringAssert.Contains(Error().Message, "has vectors for 60 tokens, but the tokenizer beside it has 63: it belongs to another model");
    }

    [TestMethod]
    public void Fit_NoTokenizer_IsRefused()
    {
        Copy(Texts.Value);
        foreach (var file in Directory.GetFiles(_folder).Where(file => !file.EndsWith(".onnx", StringComparison.Ordinal)))
        {
            File.Delete(file);
        }

        StringAssert.Contains(Error().Message, "has no tokenizer in a supported format");
    }

    [TestMethod]
    public void Fit_PicturesOfAnotherSize_AreRefused()
    {
        Copy(Pictures.Value);
        var settings = Path.Combine(_folder, "preprocessor_config.json");
        File.WriteAllText(settings, File.ReadAllText(settings).Replace("24", "32", StringComparison.Ordinal));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "ImagePath").Fit(TinyImages.KeyedRows(_mlContext)));

        StringAssert.Contains(error.Message, "but the image processor beside it makes [-1, 3, 32, 32]");
    }

    [TestMethod]
    public void Transform_WeightsThatAreNoNumbers_IsAnErrorAndNoPrediction()
    {
        Copy(Texts.Value);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(GraphPath));
        var weights = model.Graph.Initializer.MaxBy(initializer => initializer.RawData.Length)!;
        var numbers = weights.RawData.ToByteArray();
        MemoryMarshal.Cast<byte, float>(numbers.AsSpan()).Fill(float.NaN);
        weights.RawData = ByteString.CopyFrom(numbers);
        File.WriteAllBytes(GraphPath, model.ToByteArray());
        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(Rows());

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => applied.Transform(Rows()).GetColumn<float[]>("Score").Count());

        StringAssert.Contains(error.Message, "not finite");
    }

    private static void Rename(GraphProto graph, string name, string other)
    {
        graph.Input.Single(input => input.Name == name).Name = other;
        foreach (var node in graph.Node)
        {
            for (var i = 0; i < node.Input.Count; i++)
            {
                node.Input[i] = node.Input[i] == name ? other : node.Input[i];
            }
        }
    }

    private static StringStringEntryProto Note(ModelProto model, string name) => model.MetadataProps.Single(note => note.Key == name);

    private static void External(TensorProto tensor, string file)
    {
        tensor.RawData = ByteString.Empty;
        tensor.DataLocation = TensorProto.Types.DataLocation.External;
        tensor.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = file });
    }

    private static string ExportTexts()
    {
        var mlContext = new MLContext(seed: 1);
        using var trained = TinyText.Trainer(mlContext).Fit(TinyText.KeyedRows(mlContext, 8));
        var folder = Path.Combine(Exported, "texts");
        trained.Model.SaveOnnx(folder);
        return folder;
    }

    private static string ExportPictures()
    {
        var mlContext = new MLContext(seed: 1);
        using var trained = TinyImages.Trainer(mlContext).Fit(TinyImages.KeyedRows(mlContext));
        var folder = Path.Combine(Exported, "pictures");
        trained.Model.SaveOnnx(folder);
        return folder;
    }

    private IDataView Rows() => TinyText.View(_mlContext, TinyText.Rows(4));

    // Without its checksum, as another program writes it.
    private void Copy(string folder)
    {
        CopyAll(folder);
        File.Delete(GraphPath + ".sha256");
    }

    private void CopyAll(string folder)
    {
        foreach (var file in Directory.GetFiles(folder))
        {
            File.Copy(file, Path.Combine(_folder, Path.GetFileName(file)));
        }
    }

    private Exception Error()
    {
        try
        {
            using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(Rows());
        }
        catch (Exception e) when (e is InvalidDataException or FileNotFoundException)
        {
            return e;
        }

        throw new AssertFailedException("The folder was read.");
    }
}
