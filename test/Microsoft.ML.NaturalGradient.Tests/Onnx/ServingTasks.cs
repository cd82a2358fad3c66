using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>A tiny model of every task, and rows for it.</summary>
internal static class ServingTasks
{
    /// <summary>Names of the tasks.</summary>
    public static IReadOnlyList<string> Names { get; } = ["class", "pair", "number", "similarity", "classes", "tags", "answer", "picture", "t5"];

    /// <summary>Trains a model.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="task">One of <see cref="Names"/>.</param>
    /// <param name="data">Rows to train on; null for <see cref="Rows"/>.</param>
    /// <param name="change">Changes the settings; null for not at all.</param>
    public static ITransformer Train(MLContext mlContext, string task, IDataView? data = null, Action<FineTuningOptions>? change = null)
    {
        var trainers = mlContext.MulticlassClassification.Trainers;
        data ??= Rows(mlContext, task);
        return task switch
        {
            "class" => trainers.TextClassification(Changed(TinyText.Options(options => options.ScoreThreshold = 0.52f))).Fit(data),
            "pair" => trainers.TextClassification(Changed(TinyText.Options(options => (options.Sentence2ColumnName, options.Calibrate, options.ValidationSetFraction) = ("Pair", true, 0.3)))).Fit(data),
            "t5" => trainers.TextClassification(Changed(TinyText.Options(options => (options.Model, options.LabelWords, options.MaxEpoch) = (TinyT5.Model, ["yes", "no"], 1)))).Fit(data),
            "number" => mlContext.Regression.Trainers.TextRegression(Changed(new TextRegressionTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, Sentence1ColumnName = "Text", LabelColumnName = "Id" })).Fit(data),
            "similarity" => mlContext.Regression.Trainers.SentenceSimilarity(Changed(new SentenceSimilarityTrainer.Options
            {
                Model = TinyText.Model,
                MaxEpoch = 1,
                Sentence1ColumnName = "Text",
                Sentence2ColumnName = "Pair",
                LabelColumnName = "Id",
            })).Fit(data),
            "classes" => trainers.MultiLabelClassification(Changed(new MultiLabelClassificationTrainer.Options { Model = TinyText.Model, MaxEpoch = 1, Sentence1ColumnName = "Text" })).Fit(data),
            "tags" => trainers.NamedEntityRecognition(Changed(new NamedEntityRecognitionTrainer.Options
            {
                Model = TinyText.Model,
                MaxEpoch = 1,
                MaxSequenceLength = 12,
                Sentence1ColumnName = "Text",
                EntitiesColumnName = "Entity",
            })).Fit(data),
            "answer" => trainers.QuestionAnswer(Changed(new QuestionAnswerTrainer.Options
            {
                Model = TinyText.Model,
                MaxEpoch = 1,
                QuestionColumnName = "Question",
                ContextColumnName = "Text",
                TopKAnswers = 2,
                MaxSequenceLength = 14,
            })).Fit(data),
            _ => trainers.ImageClassification(Changed(TinyImages.Options())).Fit(data),
        };

        T Changed<T>(T options)
            where T : FineTuningOptions
        {
            change?.Invoke(options);
            return options;
        }
    }

    /// <summary>Rows to train on and to score.</summary>
    public static IDataView Rows(MLContext mlContext, string task) => task switch
    {
        "tags" => Keyed(mlContext, Enumerable.Range(0, 8).Select(i => i % 2 == 0
            ? new { Text = "the film was good and we saw it again at night", Label = Tags(11, 1) } : new { Text = "good book", Label = Tags(2, 1) })),
        "classes" => Keyed(mlContext, Enumerable.Range(0, 8).Select(i => i % 2 == 0
            ? new { Text = "the film was good", Label = new[] { "film", "good" } } : new { Text = "a bad book", Label = new[] { "bad" } })),
        "answer" => mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 6).Select(i => i % 2 == 0
            ? new { Question = "the film", Text = "we saw the film at night and it was good", TrainingAnswer = "film", AnswerIndex = 11 }
            : new { Question = "the book", Text = "a book", TrainingAnswer = "book", AnswerIndex = 2 })),
        "picture" => TinyImages.KeyedRows(mlContext),
        _ => TinyText.KeyedRows(mlContext, 40),
    };

    /// <summary>Names of the columns that the task adds.</summary>
    public static string[] Outputs(string task) => task switch
    {
        "number" or "similarity" => ["Score"],
        "classes" => ["PredictedLabels", "Score"],
        "answer" => ["Answer", "Score"],
        "tags" => ["PredictedLabel", "Score", "Entity.Start", "Entity.Length", "Entity.Type", "Entity.Score"],
        _ => ["PredictedLabel", "Score"],
    };

    private static string[] Tags(int words, int entity) => [.. Enumerable.Range(0, words).Select(word => word == entity ? "B-THING" : "O")];

    private static IDataView Keyed<T>(MLContext mlContext, IEnumerable<T> rows)
        where T : class
    {
        var data = mlContext.Data.LoadFromEnumerable(rows.ToArray());
        return mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
    }
}
