using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Column names that collide, and classes without rows.</summary>
[TestClass]
public sealed class TargetColumnsTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    [DataRow("Score", "Text", "label")]
    [DataRow("PredictedLabel", "Text", "label")]
    [DataRow("Label", "Score", "feature")]
    [DataRow("Label", "PredictedLabel", "feature")]
    public void Trainer_ColumnWithTheNameOfAnOutput_IsRefused(string label, string feature, string role)
    {
        var hidden = label == "Label" ? feature : label;
        Action[] makers =
        [
            () => _mlContext.MulticlassClassification.Trainers.TextClassification(
                new TextClassificationTrainer.Options { LabelColumnName = label, Sentence1ColumnName = feature }),
            () => _mlContext.MulticlassClassification.Trainers.TextClassification(
                new TextClassificationTrainer.Options { LabelColumnName = label, Sentence1ColumnName = "Other", Sentence2ColumnName = feature }),
            () => _mlContext.MulticlassClassification.Trainers.ImageClassification(
                new ImageClassificationTrainer.Options { LabelColumnName = label, FeatureColumnName = feature }),
        ];

        foreach (var make in makers)
        {
            var error = Assert.ThrowsExactly<ArgumentException>(make);
            StringAssert.Contains(error.Message, $"'{hidden}' is read as {(role == "label" ? "the label" : "a feature")}");
        }
    }

    [TestMethod]
    public void Trainer_ScoreOfARegression_IsRefusedAsLabelAndAsText()
    {
        foreach (var (label, text) in new[] { ("Score", "Sentence1"), ("Label", "Score") })
        {
            var options = new SentenceSimilarityTrainer.Options { LabelColumnName = label, Sentence1ColumnName = text };

            var error = Assert.ThrowsExactly<ArgumentException>(() => _mlContext.Regression.Trainers.SentenceSimilarity(options));

            StringAssert.Contains(error.Message, "'Score'");
        }

        _ = _mlContext.Regression.Trainers.SentenceSimilarity(new SentenceSimilarityTrainer.Options { LabelColumnName = "PredictedLabel" });
    }

    [TestMethod]
    public void Trainer_BothOutputsWithOneName_IsRefused()
    {
        var options = new TextClassificationTrainer.Options { ScoreColumnName = "Result", PredictionColumnName = "Result" };

        var error = Assert.ThrowsExactly<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.TextClassification(options));

        StringAssert.Contains(error.Message, "Two output columns are called 'Result'");
    }

    [TestMethod]
    [DataRow("Entity.Start", "PredictedLabel", "'Entity.Start' is read as a feature")]
    [DataRow("Text", "Entity.Type", "Two output columns are called 'Entity.Type'")]
    public void Trainer_ColumnOfEntitiesWithAnothersName_IsRefused(string text, string prediction, string message)
    {
        var options = new NamedEntityRecognitionTrainer.Options { Sentence1ColumnName = text, PredictionColumnName = prediction, EntitiesColumnName = "Entity" };

        var error = Assert.ThrowsExactly<ArgumentException>(() => _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(options));

        StringAssert.Contains(error.Message, message);
    }

    [TestMethod]
    public void Checkpoints_ColumnWithTheNameOfAnOutput_IsRefusedBeforeAnythingIsOpened()
    {
        var none = PretrainedModel.FromFolder(Path.Combine(AppContext.BaseDirectory, "no such folder"));
        (Action Load, string Message)[] cases =
        [
            (() => PublicCheckpoints.LoadTextClassifier(_mlContext, none, sentence1ColumnName: "Score"), "'Score' is read as a feature"),
            (() => PublicCheckpoints.LoadTextClassifier(_mlContext, none, sentence2ColumnName: "PredictedLabel"), "'PredictedLabel' is read as a feature"),
            (() => PublicCheckpoints.LoadNamedEntityRecognizer(_mlContext, none, scoreColumnName: "Entity.Score", entitiesColumnName: "Entity"), "Two output columns are called 'Entity.Score'"),
            (() => PublicCheckpoints.LoadQuestionAnswerer(_mlContext, none, contextColumnName: "Answer"), "'Answer' is read as a feature"),
            (() => PublicCheckpoints.LoadMultiLabelClassifier(_mlContext, none, outputColumnName: "Score"), "Two output columns are called 'Score'"),
            (() => PublicCheckpoints.LoadTextRegression(_mlContext, none, scoreColumnName: "Label"), "'Label' is read as the label"),
            (() => PublicCheckpoints.LoadImageClassifier(_mlContext, none, featureColumnName: "Score"), "'Score' is read as a feature"),
        ];

        foreach (var (load, message) in cases)
        {
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(load).Message, message);
        }
    }

    [TestMethod]
    public void Fit_ClassWithoutATrainingRow_IsNamedInTheLog()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(3, "good", "bad", "neutral")));

        using var texts = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1)
            .Fit(keys.Transform(TinyText.View(_mlContext, TinyText.Rows(8))));
        using var all = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(TinyText.KeyedRows(_mlContext, 9, "good", "bad", "neutral"));

        Assert.AreEqual(1, messages.Count(message => message.Contains("1 of 3 classes have no training row, so they cannot be learned: 'neutral'.", StringComparison.Ordinal)));
    }

    [TestMethod]
    public void Fit_FewPictures_NamesTheClassesThatWereSetAside()
    {
        var messages = new List<string>();
        _mlContext.Log += (_, message) => messages.Add(message.Message);
        var rows = TinyImages.Rows()[..3]; // one of each class

        using var model = TinyImages.Trainer(_mlContext, options => (options.Epoch, options.ValidationSetFraction) = (1, 0.3)).Fit(TinyImages.Keyed(_mlContext, rows));

        Assert.AreEqual(1, messages.Count(message => message.Contains("1 of 3 classes have no training row", StringComparison.Ordinal)));
    }
}
