using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

public static partial class NaturalGradientCatalog
{
    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to tag the words of texts, for example as parts of names.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the tags of a row: a vector of keys, one for each word.</param>
    /// <param name="outputColumnName">Output column with the predicted tags.</param>
    /// <param name="sentence1ColumnName">Column with the text, or with a vector of its words.</param>
    /// <param name="batchSize">Rows of a training step, at least 1.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>, from 20 tags on all of them.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <param name="scoreColumnName">Output column with the probability of each predicted tag.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static NamedEntityRecognitionTrainer NamedEntityRecognition(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string outputColumnName = "PredictedLabel",
        string sentence1ColumnName = "Sentence",
        int batchSize = 32,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null,
        string scoreColumnName = "Score") => catalog.NamedEntityRecognition(new NamedEntityRecognitionTrainer.Options
        {
            Optimizer = optimizer,
            LabelColumnName = labelColumnName,
            PredictionColumnName = outputColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            BatchSize = batchSize,
            MaxEpoch = maxEpochs,
            Model = model ?? PretrainedModel.DefaultForTexts,
            ValidationSet = validationSet,
            Adapter = adapter ?? Adapters.LoRA,
            ScoreColumnName = scoreColumnName,
        });

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to tag the words of texts, for example as parts of names.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static NamedEntityRecognitionTrainer NamedEntityRecognition(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, NamedEntityRecognitionTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new NamedEntityRecognitionTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }
}
