using System.Globalization;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Interop;

/// <summary>Saved models of the tasks on texts: in another process, without their base, and with numbers that make no sense.</summary>
[TestClass]
public sealed class TaskArchiveTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("task-archives").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    private string ModelPath => Path.Combine(_folder, "model.zip");

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("tags")]
    [DataRow("classes")]
    public void Load_InAnotherProcess_GivesEqualScores(string task)
    {
        var model = Train(task, saveBase: true);
        using var owner = (IDisposable)model;
        _mlContext.Model.Save((ITransformer)model, null, ModelPath);
        string[] texts = ["the film was good", "the meal was awful and we had it again", "film"];
        var expected = model.Transform(_mlContext.Data.LoadFromEnumerable(texts.Select(text => new { Text = text }))).GetColumn<VBuffer<float>>("Score")
            .Select(scores => string.Join(' ', scores.DenseValues().Select(score => score.ToString("R", CultureInfo.InvariantCulture))));

        var output = ScoringProcess.Run([ModelPath, .. texts]);

        Assert.AreEqual(string.Join('\n', expected), output.Trim().ReplaceLineEndings("\n"));
    }

    [TestMethod]
    [DataRow("tags")]
    [DataRow("classes")]
    [DataRow("answers")]
    [DataRow("numbers")]
    public void Load_WithoutBase_FindsTheBaseThatIsGiven(string task)
    {
        var model = Train(task, saveBase: false);
        using var owner = (IDisposable)model;
        _mlContext.Model.Save((ITransformer)model, null, ModelPath);

        using var loaded = (IDisposable)new MLContext().UsePretrainedModel(TinyText.Model).Model.Load(ModelPath, out _);

        CollectionAssert.AreEqual(Scores(model), Scores((ITransformer)loaded));
        Assert.AreEqual(model.GetType(), loaded.GetType());
    }

    [TestMethod]
    public void SavedNumber_OutOfRange_IsDamage()
    {
        foreach (var value in new[] { 0, -1, double.NaN, double.PositiveInfinity })
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => SavedNumber.Positive("temperature", value)).Message, "its temperature is");
        }

        foreach (var value in new[] { -0.1f, 1.1f, float.NaN })
        {
            StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => SavedNumber.Probability("threshold", value)).Message, "it must be from 0 to 1");
        }

        Assert.AreEqual((2, 1f, 0f), (SavedNumber.Positive("a", 2), SavedNumber.Probability("a", 1), SavedNumber.Probability("a", 0)));
    }

    [TestMethod]
    [DataRow("tags")]
    [DataRow("classes")]
    [DataRow("answers")]
    [DataRow("numbers")]
    [DataRow("class")]
    public void TrainScoreAndDispose_LeavesNoTensors(string task)
    {
        Run();
        var perParameter = LiveTensors.LeftOfParameter();
        var before = LiveTensors.Settled();

        var parameters = Run();

        Assert.AreEqual(perParameter * parameters, LiveTensors.Settled() - before);

        int Run()
        {
            var model = Train(task, saveBase: false);
            using var owner = (IDisposable)model;
            Scores(model);
            var network = model switch
            {
                TextClassificationTransformer one => one.Model.Scorer.Model.Network,
                NamedEntityRecognitionTransformer tags => tags.Model.Scorer.Model.Network,
                MultiLabelClassificationTransformer classes => classes.Model.Scorer.Model.Network,
                QuestionAnswerTransformer answers => answers.Model.Scorer.Model.Network,
                _ => ((TextRegressionTransformer)model).Model.Scorer.Model.Network,
            };
            return network.ParametersMade();
        }
    }

    [TestMethod]
    public void Score_ManyThreadsAndADisposal_EndsInScoresOrTheRightError()
    {
        using var model = (NamedEntityRecognitionTransformer)Train("tags", saveBase: false);
        var text = string.Join(' ', Enumerable.Repeat("the film was good", 40));
        var expected = model.Model.PredictTags([text])[0].ToArray();
        var wrong = 0;

        var threads = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            try
            {
                for (var i = 0; i < 20; i++)
                {
                    wrong += model.Model.PredictTags([text])[0].SequenceEqual(expected) ? 0 : 1;
                }
            }
            catch (ObjectDisposedException)
            {
                // What a call after the disposal gets.
            }
        })).ToArray();
        model.Dispose();
        Task.WaitAll(threads);

        Assert.AreEqual(0, wrong);
        Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.PredictTags([text]));
    }

    private ITransformer Train(string task, bool saveBase)
    {
        var trainers = _mlContext.MulticlassClassification.Trainers;
        var words = Keyed(new { Text = "the film was good", Label = new[] { "O", "B-THING", "O", "O" } }, new { Text = "good book", Label = new[] { "O", "B-THING" } });
        return task switch
        {
            "class" => TinyText.Trainer(_mlContext, options => options.SaveBaseModel = false).Fit(TinyText.KeyedRows(_mlContext, 4)),
            "tags" => trainers.NamedEntityRecognition(new NamedEntityRecognitionTrainer.Options
            {
                Model = TinyText.Model,
                MaxEpoch = 1,
                MaxSequenceLength = 12,
                SaveBaseModel = saveBase,
                Sentence1ColumnName = "Text",
            }).Fit(words),
            "classes" => trainers.MultiLabelClassification(new MultiLabelClassificationTrainer.Options
            {
                Model = TinyText.Model,
                MaxEpoch = 1,
                SaveBaseModel = saveBase,
                Sentence1ColumnName = "Text",
            }).Fit(words),
            "answers" => trainers.QuestionAnswer(new QuestionAnswerTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, SaveBaseModel = saveBase, QuestionColumnName = "Text", ContextColumnName = "Text" }).Fit(
                _mlContext.Data.LoadFromEnumerable(new[] { new { Text = "the film was good", TrainingAnswer = "film", AnswerIndex = 4 } })),
            _ => _mlContext.Regression.Trainers.TextRegression(new TextRegressionTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, SaveBaseModel = saveBase, Sentence1ColumnName = "Text" }).Fit(
                _mlContext.Data.LoadFromEnumerable(new[] { new { Text = "the film was good", Label = 4f }, new { Text = "bad", Label = 1f } })),
        };
    }

    private float[] Scores(ITransformer model)
    {
        var scored = model.Transform(_mlContext.Data.LoadFromEnumerable(new[] { new { Text = "the film was good and the book was bad" }, new { Text = "film" } }));
        return scored.Schema["Score"].Type is VectorDataViewType
            ? [.. scored.GetColumn<VBuffer<float>>("Score").SelectMany(row => row.DenseValues())]
            : [.. scored.GetColumn<float>("Score")];
    }

    private IDataView Keyed<T>(params T[] rows)
        where T : class
    {
        var data = _mlContext.Data.LoadFromEnumerable(rows);
        return _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
    }
}
