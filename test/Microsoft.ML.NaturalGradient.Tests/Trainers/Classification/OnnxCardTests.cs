using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Onnx;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>The README.md of exported folders: its C# is run, its Python is looked at.</summary>
[TestClass]
public sealed class OnnxCardTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("onnx-card").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("class")]
    [DataRow("t5")]
    [DataRow("classes")]
    [DataRow("number")]
    [DataRow("tags")]
    [DataRow("answer")]
    [DataRow("picture")]
    public async Task Sharp_OfEveryTask_GivesTheModelsAnswer(string task)
    {
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);
        Export(trained);
        var picture = TinyImages.Rows()[1].ImagePath;
        var code = Code("csharp").Replace("\".\"", $"@\"{_folder}\"", StringComparison.Ordinal).Replace("\"picture.jpg\"", $"@\"{picture}\"", StringComparison.Ordinal);
        var name = task switch { "number" => "number", "answer" => "answers", _ => "probabilities" };

        var actual = await CSharpScript.EvaluateAsync<object>($"{code}\nreturn {name};", ScriptOptions.Default.AddReferences(
            typeof(MLContext).Assembly, typeof(IDataView).Assembly, typeof(FineTunedModel).Assembly, typeof(NaturalGradientOnnxCatalog).Assembly)
            .AddImports("System.Linq"));

        switch (trained)
        {
            case TextClassificationTransformer one: Near(one.Model.PredictProbabilities(["a text"])[0], actual); break;
            case MultiLabelClassificationTransformer several: Near(several.Model.PredictProbabilities(["a text"])[0], actual); break;
            case TextRegressionTransformer number: Assert.AreEqual(number.Model.PredictNumbers(["a text"])[0], (float)actual, 1e-4f); break;
            case ImageClassificationTransformer images: Near(images.Model.PredictProbabilities([picture])[0], actual); break;
            case QuestionAnswerTransformer answers: CollectionAssert.AreEqual(Column<string>(answers, new { Question = "a question", Text = "a text" }, "Answer"), (string[])actual); break;
            default: Near(Column<float>((ITransformer)trained, new { Text = "the words of a text" }, "Score"), actual); break;
        }
    }

    [TestMethod]
    [DataRow("class", "enable_padding(pad_id=0)", "\"token_type_ids\": np.array([row.type_ids for row in encoded], np.int64)", "classes = [names[row.argmax()] for row in probabilities]")]
    [DataRow("t5", ".replace(\"{sentence1}\", \"a text\")]", "\"input_ids\": np.array([row.ids for row in encoded], np.int64)", "session.run([\"probabilities\"], inputs)")]
    [DataRow("number", "enable_truncation(20)", "numbers = session.run([\"logits\"], inputs)[0]", "tokenizer.encode_batch(texts)")]
    [DataRow("tags", "enable_truncation(12)", "tokenizer.encode(words, is_pretokenized=True)", "tags = [names[")]
    [DataRow("answer", "strategy=\"only_second\"", "begin, end = session.run([\"logits\"], inputs)[0][0].T", "answer = text[")]
    [DataRow("picture", "AutoImageProcessor.from_pretrained(folder)", "from PIL import Image, ImageOps\n", "images=[ImageOps.exif_transpose(Image.open(\"picture.jpg\")).convert(\"RGB\")]", "{\"pixel_values\": pixels}", "custom_metadata_map[\"class_names\"]")]
    public void Python_OfATask_NamesWhatTheGraphReadsAndGives(string task, params string[] expected)
    {
        using (var trained = (IDisposable)ServingTasks.Train(_mlContext, task))
        {
            Export(trained);
        }

        var python = Code("python");

        foreach (var part in expected)
        {
            StringAssert.Contains(python, part);
        }

        using var run = OnnxRun.Open(_folder);
        foreach (var input in run.Inputs)
        {
            StringAssert.Contains(python, $"\"{input}\": ");
            StringAssert.Contains(Card(), $"| input | `{input}` |");
        }

        Assert.AreEqual(task == "picture", !File.Exists(Path.Combine(_folder, "tokenizer.json")));
    }

    [TestMethod]
    [DataRow(OnnxPrecision.Float32, "32-bit")]
    [DataRow(OnnxPrecision.Float16, "16-bit")]
    [DataRow(OnnxPrecision.Int8, "8-bit")]
    public void Card_Precision_IsSaid(OnnxPrecision precision, string expected)
    {
        using var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));

        trained.Model.SaveOnnx(_folder, new OnnxExportOptions { Precision = precision });

        StringAssert.Contains(Card(), expected);
        Assert.AreEqual(precision.ToString(), OnnxNotes("precision"));
    }

    private string OnnxNotes(string name)
    {
        using var run = OnnxRun.Open(_folder);
        return run.Notes[name];
    }

    private T[] Column<T>(ITransformer model, object row, string name)
    {
        var data = row switch
        {
            { } asked when asked.GetType().GetProperty("Question") is { } question => _mlContext.Data.LoadFromEnumerable(
                [new { Question = (string)question.GetValue(asked)!, Text = (string)asked.GetType().GetProperty("Text")!.GetValue(asked)! }]),
            _ => _mlContext.Data.LoadFromEnumerable([new { Text = (string)row.GetType().GetProperty("Text")!.GetValue(row)! }]),
        };
        return model.Transform(data).GetColumn<T[]>(name).Single();
    }

    private static void Near(float[] expected, object actual) => SavedFolder.AssertClose(expected, (float[])actual);

    private string Card() => File.ReadAllText(Path.Combine(_folder, "README.md"));

    private string Code(string language) => Regex.Match(Card(), $"```{language}\n(.*?)```", RegexOptions.Singleline).Groups[1].Value;

    private void Export(object trained)
    {
        FineTunedModel model = trained switch
        {
            TextClassificationTransformer one => one.Model,
            TextRegressionTransformer number => number.Model,
            MultiLabelClassificationTransformer classes => classes.Model,
            NamedEntityRecognitionTransformer tags => tags.Model,
            QuestionAnswerTransformer answers => answers.Model,
            _ => ((ImageClassificationTransformer)trained).Model,
        };
        model.SaveOnnx(_folder);
    }
}
