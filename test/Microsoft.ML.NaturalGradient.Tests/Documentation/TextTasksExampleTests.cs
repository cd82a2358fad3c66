using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>The code of docs/text-tasks.md, and the shapes of ML.NET's own documentation.</summary>
[TestClass]
public sealed class TextTasksExampleTests
{
    private readonly PretrainedModel _encoder = TinyText.Model;

    [TestMethod]
    public void NamedEntities_TrainFindAndEvaluate()
    {
        var (mlContext, encoder) = (new MLContext(seed: 1), _encoder);
        var training = mlContext.Data.LoadFromEnumerable(new[]
        {
            new { Sentence = "the film was good", Label = new[] { "O", "B-WORK", "O", "O" } }, new { Sentence = "a book", Label = new[] { "O", "B-WORK" } },
        });

        #region task-tags
        var pipeline = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(optimizer: Ief, model: encoder, maxEpochs: 3));

        var model = pipeline.Fit(training);
        Console.WriteLine(mlContext.MulticlassClassification.EvaluateNamedEntities(model.Transform(training)));
        foreach (var entity in model.LastTransformer.Model.FindEntities(["The film was made in Rome."])[0])
        {
            Console.WriteLine($"{entity.Text}: {entity.Type} ({entity.Score:P0})");
        }
        #endregion

        Assert.HasCount(2, model.LastTransformer.Model.Tags);
    }

    [TestMethod]
    public void Answers_TrainAndAsk()
    {
        var (mlContext, encoder) = (new MLContext(seed: 1), _encoder);
        var training = mlContext.Data.LoadFromEnumerable(new[] { new { Context = "the film was good", Question = "what was good", TrainingAnswer = "film", AnswerIndex = 4 } });

        #region task-answers
        var trainer = mlContext.MulticlassClassification.Trainers.QuestionAnswer(optimizer: Ief, model: encoder, maxEpochs: 3);

        var model = trainer.Fit(training);
        Console.WriteLine(mlContext.MulticlassClassification.EvaluateQuestionAnswers(model.Transform(training)));
        var answers = model.Model.FindAnswers(["Where was it made?"], ["The film was made in Rome."])[0];
        Console.WriteLine($"{answers[0].Text} ({answers[0].Score:P0}), at {answers[0].Start}");
        #endregion

        Assert.IsNotEmpty(answers);
    }

    [TestMethod]
    public void SeveralClasses_TrainWithThresholds()
    {
        var (mlContext, encoder) = (new MLContext(seed: 1), _encoder);
        var training = mlContext.Data.LoadFromEnumerable(new[] { new { Text = "the film was good", Labels = "joy,film" }, new { Text = "bad book", Labels = "book" }, new { Text = "it", Labels = "" } });
        var validation = training;

        #region task-labels
        var labels = mlContext.Transforms.Text.TokenizeIntoWords("Label", "Labels", [','])
            .Append(mlContext.Transforms.Conversion.MapValueToKey("Label")).Fit(training);
        var trainer = mlContext.MulticlassClassification.Trainers.MultiLabelClassification(new MultiLabelClassificationTrainer.Options
        {
            Optimizer = Ief,
            Model = encoder,
            Sentence1ColumnName = "Text",
            MaxEpoch = 3,
            ValidationSet = labels.Transform(validation),
            ChooseThresholds = true,
        });

        var model = trainer.Fit(labels.Transform(training));
        Console.WriteLine(mlContext.MulticlassClassification.EvaluateMultiLabel(model.Transform(labels.Transform(validation))));
        Console.WriteLine(string.Join(", ", model.Model.PredictClasses(["What a film!"])[0]));
        #endregion

        CollectionAssert.AreEquivalent(new[] { "joy", "film", "book" }, model.Model.ClassNames.ToArray());
    }

    [TestMethod]
    public void Numbers_TrainWithWeights()
    {
        var (mlContext, encoder) = (new MLContext(seed: 1), _encoder);
        var training = mlContext.Data.LoadFromEnumerable(new[] { new { Text = "good film", Stars = 4f, Votes = 3f }, new { Text = "bad film", Stars = 1f, Votes = 1f } });

        #region task-numbers
        var trainer = mlContext.Regression.Trainers.TextRegression(new TextRegressionTrainer.Options
        {
            Optimizer = Ief,
            Model = encoder,
            Sentence1ColumnName = "Text",
            LabelColumnName = "Stars",
            ExampleWeightColumnName = "Votes",
            MaxEpoch = 3,
        });

        var model = trainer.Fit(training);
        Console.WriteLine(mlContext.Regression.Evaluate(model.Transform(training), labelColumnName: "Stars").RootMeanSquaredError);
        #endregion

        Assert.IsTrue(float.IsFinite(model.Model.PredictNumbers(["good"])[0]));
    }

    [TestMethod]
    public void Classes_CalibrateAndLeaveOut()
    {
        var (mlContext, encoder) = (new MLContext(seed: 1), _encoder);
        var (training, validation) = (TinyText.KeyedRows(mlContext, 24), TinyText.KeyedRows(mlContext, 24));

        #region task-calibration
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Optimizer = Ief,
            Model = encoder,
            Sentence1ColumnName = "Text",
            ValidationSet = validation,
            ClassWeights = ClassWeights.Balanced,
            Calibrate = true,
            ScoreThreshold = 0.6f,
        });

        var model = trainer.Fit(training);
        Console.WriteLine($"temperature {model.Model.Temperature:F2}");
        Console.WriteLine(mlContext.MulticlassClassification.EvaluateCalibration(model.Transform(validation)));
        #endregion

        Assert.AreNotEqual(1, model.Model.Temperature);
    }

    /// <summary>ML.NET's sample for named entities with <c>optimizer:</c> added: words outside of names have no key.</summary>
    [TestMethod]
    public void NamedEntityRecognition_ShapeOfMLNetsSample_Trains()
    {
        var mlContext = new MLContext(seed: 1);
        var keys = mlContext.Data.LoadFromEnumerable(new[] { new { Key = "PERSON" }, new { Key = "CITY" }, new { Key = "COUNTRY" } });
        var dataView = mlContext.Data.LoadFromEnumerable(new List<SentenceData>
        {
            new() { Sentence = "Alice and Bob live in the USA", Label = ["PERSON", "0", "PERSON", "0", "0", "0", "COUNTRY"] },
            new() { Sentence = "Alice and Bob live in the USA", Label = ["PERSON", "0", "PERSON", "0", "0", "0", "COUNTRY"] },
        });

        var chain = new EstimatorChain<ITransformer>();
        var estimator = chain.Append(mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys))
            .Append(mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(optimizer: Ief, outputColumnName: "outputColumn", model: _encoder, maxEpochs: 1))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("outputColumn"));
        using var transformer = estimator.Fit(dataView);
        using var stream = new MemoryStream();
        mlContext.Model.Save(transformer, dataView.Schema, stream);
        var engine = mlContext.Model.CreatePredictionEngine<SentenceData, SentenceTags>(mlContext.Model.Load(stream, out _));

        Assert.HasCount(7, transformer.Transform(dataView).GetColumn<VBuffer<ReadOnlyMemory<char>>>("outputColumn").First().DenseValues().ToArray());
        Assert.HasCount(4, engine.Predict(new SentenceData { Sentence = "Bob is in Rome" }).Tags);
    }

    /// <summary>ML.NET's test of questions with <c>optimizer:</c> added.</summary>
    [TestMethod]
    public void QuestionAnswer_ShapeOfMLNetsTest_Trains()
    {
        var mlContext = new MLContext(seed: 1);
        var dataView = mlContext.Data.LoadFromEnumerable(new List<QuestionData>
        {
            new() { Context = "the film was good", Question = "what was good", TrainingAnswer = "film", AnswerIndex = 4 },
            new() { Context = "we had a meal", Question = "what was it", TrainingAnswer = "meal", AnswerIndex = 9 },
        });

        var chain = new EstimatorChain<ITransformer>();
        var estimator = chain.Append(mlContext.MulticlassClassification.Trainers.QuestionAnswer(optimizer: Ief, maxEpochs: 1, model: _encoder));
        using var transformer = estimator.Fit(dataView);
        using var engine = mlContext.Model.CreatePredictionEngine<QuestionData, QuestionAnswers>(transformer, new PredictionEngineOptions { OwnsTransformer = false });

        var answers = engine.Predict(new QuestionData { Context = "we had a book", Question = "what was it" });

        Assert.HasCount(3, answers.Answer);
        Assert.HasCount(3, answers.Score);
        Assert.IsTrue(answers.Answer.All("we had a book".Contains));
    }

    [TestMethod]
    public void TextRegression_CrossValidate_GivesMetricsOfEveryFold()
    {
        var mlContext = new MLContext(seed: 1);
        var data = mlContext.Data.LoadFromEnumerable(TinyText.Rows(18).Select(row => new { row.Text, Label = row.Label == "good" ? 1f : 0f }));

        var folds = mlContext.Regression.CrossValidate(
            data, mlContext.Regression.Trainers.TextRegression(optimizer: Ief, model: _encoder, sentence1ColumnName: "Text", maxEpochs: 1), numberOfFolds: 3);

        Assert.IsTrue(folds.All(fold => double.IsFinite(fold.Metrics.RootMeanSquaredError)));
        foreach (var fold in folds)
        {
            ((IDisposable)fold.Model).Dispose();
        }
    }

    private sealed class SentenceData
    {
        public string Sentence { get; set; } = "";

        public string[] Label { get; set; } = [];
    }

    private sealed class SentenceTags
    {
        [ColumnName("outputColumn")]
        public string[] Tags { get; set; } = [];
    }

    private sealed class QuestionData
    {
        public string Context { get; set; } = "";

        public string Question { get; set; } = "";

        public string TrainingAnswer { get; set; } = "";

        public int AnswerIndex { get; set; }
    }

    private sealed class QuestionAnswers
    {
        public string[] Answer { get; set; } = [];

        public float[] Score { get; set; } = [];
    }
}
