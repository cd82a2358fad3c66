using System.Globalization;
using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Onnx;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Exported folders of every task give the model's predictions, read with nothing but what is in them.</summary>
[TestClass]
public sealed class OnnxFilesTests
{
    private static readonly string[] Texts = ["the film was good", "book", "the meal was awful but we had a very nice day in the night again", ""];

    private readonly string _folder = Directory.CreateTempSubdirectory("onnx-files").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void SaveOnnx_Classes_GivesTheModelsProbabilities(bool pairs)
    {
        var rows = TinyText.KeyedRows(_mlContext, 24, "good", "bad", "neutral");
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            (options.Calibrate, options.ValidationSetFraction) = (true, 0.5);
            options.ScoreThreshold = 0.4f;
            options.Sentence2ColumnName = pairs ? nameof(TextRow.Pair) : null;
        }).Fit(rows);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "probabilities", pairs ? [.. Texts.Reverse()] : null);
        using var run = OnnxRun.Open(_folder);
        Assert.AreEqual("class", run.Notes["task"]);
        Assert.AreEqual(model.Model.Temperature, double.Parse(run.Notes["temperature"], CultureInfo.InvariantCulture));
        Assert.AreNotEqual(1, model.Model.Temperature);
        Assert.AreEqual("0.4", run.Notes["score_threshold"]);
        CollectionAssert.AreEqual(model.Model.ClassNames.ToArray(), JsonSerializer.Deserialize<string[]>(run.Notes["class_names"]));
    }

    [TestMethod]
    public void SaveOnnx_SeveralClasses_GivesTheModelsProbabilities()
    {
        var data = Keyed(new { Sentence1 = "the film was good", Label = new[] { "joy", "film" } }, new { Sentence1 = "book", Label = new[] { "book" } });
        using var model = _mlContext.MulticlassClassification.Trainers.MultiLabelClassification(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "probabilities");
        using var run = OnnxRun.Open(_folder);
        CollectionAssert.AreEqual(model.Model.Thresholds.ToArray(), JsonSerializer.Deserialize<float[]>(run.Notes["thresholds"]));
    }

    [TestMethod]
    public void SaveOnnx_Numbers_GivesTheModelsNumbers()
    {
        var data = _mlContext.Data.LoadFromEnumerable(new[] { new { Sentence1 = "the film was good", Label = 40f }, new { Sentence1 = "bad book", Label = 10f } });
        using var model = _mlContext.Regression.Trainers.TextRegression(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "logits", tolerance: 1e-4f); // numbers around 25
    }

    [TestMethod]
    public void SaveOnnx_Tags_GivesTheModelsProbabilities()
    {
        var data = Keyed(new { Sentence = "the film was good", Label = new[] { "B-THING", "I-THING", "B-THING", "I-THING" } }, new { Sentence = "good book", Label = new[] { "B-THING", "I-THING" } });
        using var model = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "probabilities");
        using var run = OnnxRun.Open(_folder);
        Assert.AreEqual("true", run.Notes["first_class_is_no_key"]);
    }

    [TestMethod]
    public void SaveOnnx_Answers_GivesTheModelsOutputs()
    {
        var data = _mlContext.Data.LoadFromEnumerable(new[] { new { Question = "what was it", Context = "the film was good", TrainingAnswer = "film", AnswerIndex = 4 } });
        using var model = _mlContext.MulticlassClassification.Trainers.QuestionAnswer(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "logits", [.. Texts.Reverse()]);
    }

    [TestMethod]
    public void SaveOnnx_TextToText_GivesTheModelsProbabilities()
    {
        var rows = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = TinyT5.Model;
            options.Prompt = new PromptTemplate("sentence: {sentence1}");
            options.LabelWords = ["yes", "no"];
        }).Fit(rows);

        model.Model.SaveOnnx(_folder);

        AssertSame(model.Model.Scorer, "probabilities");
        using var run = OnnxRun.Open(_folder);
        Assert.AreEqual("sentence: {sentence1}", run.Notes["prompt"]);
    }

    [TestMethod]
    public void SaveOnnx_Pictures_GivesTheModelsProbabilities()
    {
        using var model = TinyImages.Trainer(_mlContext, options => options.ImageSize = 32).Fit(TinyImages.KeyedRows(_mlContext));
        var paths = TinyImages.Rows().Take(5).Select(row => row.ImagePath).ToArray();

        model.Model.SaveOnnx(_folder);

        using var scope = NewDisposeScope();
        using var files = new FolderCheckpointFiles(_folder);
        var preprocessor = ImagePreprocessor.Read(files, null);
        using PixelBatch batch = ImageBatchSource.Collate([.. paths.Select(path => preprocessor.Prepare(ImageDecoder.DecodeFile(path)))], preprocessor, CPU);
        using var run = OnnxRun.Open(_folder);
        var expected = model.Model.PredictProbabilities(paths);
        AssertClose([.. expected.SelectMany(row => row)], run.Run(batch.Pixels, "probabilities"));
    }

    [TestMethod]
    public void SaveOnnx_MergedModel_WritesTheSame()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        model.Model.SaveOnnx(_folder);
        var before = File.ReadAllBytes(Path.Combine(_folder, "model.onnx"));
        model.Model.MergeAdapter();

        model.Model.SaveOnnx(_folder);

        CollectionAssert.AreEqual(before, File.ReadAllBytes(Path.Combine(_folder, "model.onnx")));
    }

    [TestMethod]
    public void SaveOnnx_SmallerLimit_PutsWeightsBesideTheGraphAndTakesThemAwayAgain()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));

        model.Model.SaveOnnx(_folder, new OnnxExportOptions { LargestFile = 1000 });

        var weights = Path.Combine(_folder, "model.onnx_data");
        AssertSame(model.Model.Scorer, "probabilities");
        using (var run = OnnxRun.Open(_folder))
        {
            Assert.AreEqual(ContentHash.Of(File.ReadAllBytes(weights)), run.Notes["weights_sha256"]);
        }

        model.Model.SaveOnnx(_folder);

        Assert.IsFalse(File.Exists(weights));
        AssertSame(model.Model.Scorer, "probabilities");
    }

    [TestMethod]
    public void SaveOnnx_WeightsThatAreNotFinite_AreNamedAndNothingIsWritten()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        model.Model.SaveOnnx(_folder);
        var before = File.ReadAllBytes(Path.Combine(_folder, "model.onnx"));
        using (no_grad())
        {
            model.Model.Scorer.Model.Network.TrainableParameters.Single(named => named.Name.EndsWith("classifier.weight", StringComparison.Ordinal)).Value.fill_(double.NaN);
        }

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => model.Model.SaveOnnx(_folder));

        StringAssert.Contains(error.Message, "head.output.weight");
        CollectionAssert.AreEqual(before, File.ReadAllBytes(Path.Combine(_folder, "model.onnx")));
    }

    [TestMethod]
    public void SaveOnnx_Twice_LeavesNoTensors()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        model.Model.SaveOnnx(_folder);
        var before = LiveTensors.Settled();

        model.Model.SaveOnnx(_folder);
        model.Model.SaveOnnx(_folder, new OnnxExportOptions { Precision = OnnxPrecision.Int8, LargestFile = 0 });

        Assert.AreEqual(before, LiveTensors.Settled());
    }

    [TestMethod]
    public void SaveOnnx_DisposedModel_SaysSo()
    {
        var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        model.Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.SaveOnnx(_folder));
    }

    [TestMethod]
    public void SaveOnnx_FolderThatIsAFile_Throws()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 16));
        var path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "");

        Assert.Throws<IOException>(() => model.Model.SaveOnnx(path));
        Assert.ThrowsExactly<ArgumentException>(() => model.Model.SaveOnnx(" "));
        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => model.Model.SaveOnnx(_folder, new OnnxExportOptions { Precision = (OnnxPrecision)7 }));
        StringAssert.Contains(error.Message, "Float32");
    }

    // Tokens as the folder's own files make them, padded, against the model's predictions of the same texts.
    private void AssertSame(TextScorer scorer, string output, string[]? pairs = null, float tolerance = 1e-5f)
    {
        using var scope = NewDisposeScope();
        using var run = OnnxRun.Open(_folder);
        using var files = new FolderCheckpointFiles(_folder);
        var tokenizer = TokenizerFactory.Create(files);
        var asked = run.Notes.TryGetValue("prompt", out var prompt) ? new PromptTokenizer(tokenizer, new PromptTemplate(prompt)) : tokenizer;
        var most = int.Parse(run.Notes["max_tokens"], CultureInfo.InvariantCulture);
        TokenSequence[] rows = [.. Texts.Select((text, row) => asked.Encode(text, pairs?[row], most))];
        using var batch = TokenBatchSource.Collate(rows, int.Parse(run.Notes["pad_token_id"], CultureInfo.InvariantCulture), CPU);

        var actual = run.Run(batch, output);
        for (var row = 0; row < Texts.Length; row++)
        {
            var expected = scorer.Predict([rows[row]])[0]; // without padding, which stands at the end of the row
            AssertClose(expected, actual[row].flatten().narrow(0, 0, expected.Length), tolerance);
            CollectionAssert.AreEqual(scorer.Encoding.Tokenizer.Encode(Texts[row], pairs?[row], scorer.Encoding.MaxTokens).Ids, rows[row].Ids);
        }
    }

    private static void AssertClose(float[] expected, Tensor actual, float tolerance = 1e-5f)
    {
        var values = actual.flatten().data<float>().ToArray();
        Assert.HasCount(expected.Length, values);
        Fixture.AssertLess(tolerance, expected.Zip(values).Max(pair => Math.Abs(pair.First - pair.Second)));
    }

    private IDataView Keyed<T>(params T[] rows)
        where T : class
    {
        var view = _mlContext.Data.LoadFromEnumerable(rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(view).Transform(view);
    }
}
