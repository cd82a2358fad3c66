using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

// Trains a tiny model with a checkpoint after every step, prints a line for each report, and at last the scores as exact numbers.
// Arguments: what is trained (text, number or picture), the optimizer, the model's folder, the folder of checkpoints or "", the folder of pictures.
// It is there to be killed.
var (kind, checkpoints) = (args[0], args[3]);
var optimizer = (OptimizerOptions)typeof(Optimizers).GetProperty(args[1])!.GetValue(null)!;
var model = PretrainedModel.FromFolder(args[2]);
var mlContext = new MLContext(seed: 5);
string[] words = ["good", "bad", "film", "book", "song", "meal", "was", "very", "not", "really", "the", "it"];
var texts = Enumerable.Range(0, 48).Select(row => new TextRow
{
    Label = row % 2 == 0 ? "good" : "bad",
    Number = row % 5,
    Text = $"the {words[2 + (row % 4)]} was {words[row % 2]} {words[6 + (row % 6)]}",
    Pair = words[row % 12],
}).ToArray();

IDataView data = kind == "picture" ? ImageFolder.Read(args[4]).ToDataView(mlContext) : mlContext.Data.LoadFromEnumerable(texts);
data = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);
IEstimator<ITransformer> trainer = kind switch
{
    "text" => mlContext.MulticlassClassification.Trainers.TextClassification(With(new TextClassificationTrainer.Options { ValidationSetFraction = 0.2, EarlyStopping = new EarlyStopping() })),
    "number" => mlContext.Regression.Trainers.SentenceSimilarity(With(new SentenceSimilarityTrainer.Options { LabelColumnName = "Number", Sentence2ColumnName = "Pair" })),
    _ => mlContext.MulticlassClassification.Trainers.ImageClassification(new ImageClassificationTrainer.Options
    {
        FeatureColumnName = "ImagePath",
        Model = model,
        Optimizer = optimizer,
        Augmentation = new ImageAugmentation(),
        Epoch = 3,
        BatchSize = 8,
        CheckpointFolder = checkpoints.Length > 0 ? checkpoints : null,
        CheckpointEvery = new CheckpointInterval { Steps = 1 },
        MetricsCallback = Report,
    }),
};
var scored = trainer.Fit(data).Transform(data);
var scores = kind == "number" ? scored.GetColumn<float>("Score") : scored.GetColumn<float[]>("Score").SelectMany(row => row);
Console.WriteLine($"scores {string.Join(' ', scores.Select(score => score.ToString("R", CultureInfo.InvariantCulture)))}");

static void Report(TrainingProgress progress) => Console.WriteLine($"step {progress.Epoch}.{progress.Step}");

T With<T>(T options)
    where T : TextPairTrainerOptions
{
    options.Model = model;
    options.Optimizer = optimizer;
    options.Adapter = Adapters.LoRA with { Dropout = 0.1 };
    options.Sentence1ColumnName = "Text";
    options.MaxEpoch = 3;
    options.BatchSize = 8;
    options.CheckpointFolder = checkpoints.Length > 0 ? checkpoints : null;
    options.CheckpointEvery = new CheckpointInterval { Steps = 1 };
    options.MetricsCallback = Report;
    return options;
}

internal sealed class TextRow
{
    public string Label { get; set; } = "";

    public float Number { get; set; }

    public string Text { get; set; } = "";

    public string Pair { get; set; } = "";
}
