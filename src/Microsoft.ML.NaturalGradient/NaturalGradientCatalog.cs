using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;

namespace Microsoft.ML;

/// <summary>Trainers that fine-tune pretrained transformers, for the catalogs of an <see cref="MLContext"/>.</summary>
public static partial class NaturalGradientCatalog
{
    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to classify texts or pairs of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the class of a row, a key as <c>MapValueToKey</c> makes it.</param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="outputColumnName">Output column with the most probable class.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="batchSize">Rows of a training step, at least 1.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>, from 20 classes on all of them.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the classification head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static TextClassificationTrainer TextClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabel",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        int batchSize = 32,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null) => catalog.TextClassification(new TextClassificationTrainer.Options
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

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to classify texts or pairs of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static TextClassificationTrainer TextClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, TextClassificationTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new TextClassificationTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to predict a number for a pair of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Regression.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the number to predict, of type <see cref="float"/>.</param>
    /// <param name="scoreColumnName">Output column with the predicted number.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the text it is compared with.</param>
    /// <param name="batchSize">Rows of a training step, at least 1.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static SentenceSimilarityTrainer SentenceSimilarity(
        this RegressionCatalog.RegressionTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string sentence1ColumnName = "Sentence1",
        string sentence2ColumnName = "Sentence2",
        int batchSize = 32,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null) => catalog.SentenceSimilarity(new SentenceSimilarityTrainer.Options
        {
            Optimizer = optimizer,
            LabelColumnName = labelColumnName,
            ScoreColumnName = scoreColumnName,
            Sentence1ColumnName = sentence1ColumnName,
            Sentence2ColumnName = sentence2ColumnName,
            BatchSize = batchSize,
            MaxEpoch = maxEpochs,
            Model = model ?? PretrainedModel.DefaultForTexts,
            ValidationSet = validationSet,
            Adapter = adapter ?? Adapters.LoRA,
        });

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to predict a number for a pair of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Regression.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static SentenceSimilarityTrainer SentenceSimilarity(
        this RegressionCatalog.RegressionTrainers catalog, SentenceSimilarityTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new SentenceSimilarityTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }

    /// <summary>Creates a trainer that fine-tunes a pretrained vision transformer to classify pictures.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the class of a row, a key as <c>MapValueToKey</c> makes it.</param>
    /// <param name="featureColumnName">
    /// Column with the picture: bytes of an encoded file (<c>LoadRawImageBytes</c>), ML.NET's picture (<c>LoadImages</c>), or text, the path of a file.
    /// </param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="predictedLabelColumnName">Output column with the most probable class.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null sets a tenth of the training rows aside.</param>
    /// <param name="model">The pretrained model to start from; null for <see cref="PretrainedModel.ViTSmall"/>.</param>
    /// <param name="adapter">What is trained besides the classification head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">A setting is not possible; the message names it.</exception>
    public static ImageClassificationTrainer ImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string featureColumnName = "Features",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        IDataView? validationSet = null,
        PretrainedModel? model = null,
        AdapterOptions? adapter = null) => catalog.ImageClassification(new ImageClassificationTrainer.Options
        {
            Optimizer = optimizer,
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            ValidationSet = validationSet,
            Model = model ?? PretrainedModel.ViTSmall,
            Adapter = adapter ?? Adapters.LoRA,
        });

    /// <summary>Creates a trainer that fine-tunes a pretrained vision transformer to classify pictures.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">A setting is not possible; the message names it.</exception>
    public static ImageClassificationTrainer ImageClassification(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, ImageClassificationTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ImageClassificationTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }

    /// <summary>Saves a model so that the file's name always stands for a whole model: the old one until the new one is on the disk.</summary>
    /// <remarks>
    /// ML.NET's own <c>Save</c> with a path empties the file before it writes, so that a process that is ended while it saves destroys the model
    /// that was there. This method writes the same content beside its place, under a name that ends with <c>.partial</c>, flushes it to the disk and
    /// renames it. What an ended process left there is removed by the next save of the same file. The folder needs space for both.
    /// </remarks>
    /// <param name="catalog">The catalog, <c>mlContext.Model</c>.</param>
    /// <param name="model">The model, one of this library or any other.</param>
    /// <param name="inputSchema">Schema of the data that it reads; null where it is not to be saved.</param>
    /// <param name="filePath">Path of the file, in a folder that exists; replaced if it is there.</param>
    /// <exception cref="ArgumentException"><paramref name="filePath"/> is null or empty.</exception>
    /// <exception cref="IOException">The file cannot be written; one that was there is unchanged.</exception>
    public static void SaveAtomically(this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string filePath)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(filePath);
        AtomicFile.Write(filePath, stream => catalog.Save(model, inputSchema, stream));
    }

    /// <summary>Makes a pretrained model known, so that saved models which only name it as their base can be loaded.</summary>
    /// <param name="mlContext">The context that loads them.</param>
    /// <param name="model">The model.</param>
    /// <returns>The same context.</returns>
    public static MLContext UsePretrainedModel(this MLContext mlContext, PretrainedModel model)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        KnownBases.Add(mlContext, model);
        return mlContext;
    }
}
