using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace TextClassificationSample;

/// <summary>The code of docs/own-models.md, as a program that runs from beginning to end.</summary>
internal static class OwnModel
{
    private const int TrainingRows = 64; // enough to show that everything works

    public static void Run(string path)
    {
        var mlContext = new MLContext(seed: 1);
        var data = mlContext.Data.TakeRows(
            mlContext.Data.LoadFromTextFile(
                path, [new("Label", DataKind.String, 0), new("Source", DataKind.String, 1), new("Text", DataKind.String, 2)], hasHeader: true),
            TrainingRows);
        var keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
        var mine = PretrainedModel.BgeSmall;

        #region models
        var folder = PretrainedModel.FromFolder("models/my-encoder");
        var hub = PretrainedModel.FromHub("FacebookAI/roberta-base", revision: "main");
        #endregion
        Console.WriteLine($"{folder}; {hub}");

        #region t5
        var t5 = mlContext.MulticlassClassification.Trainers.TextClassification(new TextClassificationTrainer.Options
        {
            Model = PretrainedModel.FromHub("google-t5/t5-small"),
            Sentence1ColumnName = "Text",
            Prompt = PromptTemplate.Sst2,
            LabelWords = ["negative", "positive"],
        });
        #endregion
        Console.WriteLine(t5.GetType().Name);

        #region adapter
        var trainer = mlContext.MulticlassClassification.Trainers.TextClassification(
            optimizer: Ief, sentence1ColumnName: "Text", maxEpochs: 1, model: mine,
            adapter: Adapters.LoRA with { Rank = 16, Alpha = 32, UseDoRA = true, TargetModules = ["query", "key", "value"] });
        using var model = trainer.Fit(keyed);
        #endregion

        #region save
        model.Model.SavePeft("my-adapter");
        model.Model.SavePretrained("my-model");
        #endregion

        #region continue
        var again = mlContext.MulticlassClassification.Trainers.TextClassification(
            optimizer: Ief, sentence1ColumnName: "Text", maxEpochs: 1, model: mine, adapter: Checkpoints.LoadPeft("my-adapter"));
        #endregion
        again.Fit(keyed).Dispose();

        #region score
        using var scorer = Checkpoints.LoadTextClassifier(
            mlContext, mine, Checkpoints.LoadPeft("my-adapter"), classNames: ["negative", "positive"], sentence1ColumnName: "Text");
        using var merged = Checkpoints.LoadTextClassifier(mlContext, PretrainedModel.FromFolder("my-model"), sentence1ColumnName: "Text");
        #endregion
        Console.WriteLine($"{scorer.Transform(data).GetColumn<float[]>("Score").First()[0]:F4} {merged.Transform(data).GetColumn<float[]>("Score").First()[0]:F4}");

        #region merge
        model.Model.MergeAdapter();
        #endregion

        #region similarity
        var similarity = mlContext.Regression.Trainers.SentenceSimilarity(
            optimizer: Ief, labelColumnName: "Score5", sentence1ColumnName: "Sentence1", sentence2ColumnName: "Sentence2", maxEpochs: 3);
        #endregion
        var pairs = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 16).Select(
            i => new { Score5 = (float)(i % 6), Sentence1 = "a man plays a guitar", Sentence2 = i % 6 > 2 ? "someone plays music" : "a dog sleeps" }));
        using var pairModel = similarity.Fit(pairs);
        Console.WriteLine($"similarity {pairModel.Transform(pairs).GetColumn<float>("Score").First():F2}");
    }
}
