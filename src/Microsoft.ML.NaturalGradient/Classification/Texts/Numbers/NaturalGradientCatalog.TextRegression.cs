using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

public static partial class NaturalGradientCatalog
{
    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to predict a number for a text or a pair of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Regression.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="labelColumnName">Column with the number to predict, of type <see cref="float"/>.</param>
    /// <param name="scoreColumnName">Output column with the predicted number.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="batchSize">Rows of a training step, at least 1.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static TextRegressionTrainer TextRegression(
        this RegressionCatalog.RegressionTrainers catalog,
        OptimizerOptions optimizer,
        string labelColumnName = "Label",
        string scoreColumnName = "Score",
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        int batchSize = 32,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null) => catalog.TextRegression(new TextRegressionTrainer.Options
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

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to predict a number for a text or a pair of texts.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Regression.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static TextRegressionTrainer TextRegression(
        this RegressionCatalog.RegressionTrainers catalog, TextRegressionTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new TextRegressionTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }
}
