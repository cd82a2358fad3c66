using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

public static partial class NaturalGradientCatalog
{
    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to find which of several classes a text has: none, one or many.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the classes of a row: a vector of keys.</param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="outputColumnName">Output column with the predicted classes.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="batchSize">Rows of a training step, at least 1.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>, from 20 classes on all of them.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static MultiLabelClassificationTrainer MultiLabelClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabels",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        int batchSize = 32,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null) => catalog.MultiLabelClassification(new MultiLabelClassificationTrainer.Options
        {
            Optimizer = optimizer,
            LabelColumnName = labelColumnName,
            ScoreColumnName = scoreColumnName,
            PredictionColumnName = outputColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            BatchSize = batchSize,
            MaxEpoch = maxEpochs,
            Model = model ?? PretrainedModel.DefaultForTexts,
            ValidationSet = validationSet,
            Adapter = adapter ?? Adapters.LoRA,
        });

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to find which of several classes a text has: none, one or many.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static MultiLabelClassificationTrainer MultiLabelClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, MultiLabelClassificationTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new MultiLabelClassificationTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }
}
