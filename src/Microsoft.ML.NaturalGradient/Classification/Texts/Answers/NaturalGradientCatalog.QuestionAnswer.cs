using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;

namespace Microsoft.ML;

public static partial class NaturalGradientCatalog
{
    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to find the part of a text that answers a question.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="optimizer">The optimizer: a member of <see cref="Optimizers"/>, changed with <c>with</c> where needed.</param>
    /// <param name="contextColumnName">Column with the text that has the answer.</param>
    /// <param name="questionColumnName">Column with the question.</param>
    /// <param name="trainingAnswerColumnName">Column with the answer of training rows.</param>
    /// <param name="answerIndexColumnName">Column with where the answer of training rows begins in the context, <see cref="int"/>, in UTF-16 units from 0.</param>
    /// <param name="predictedAnswerColumnName">Output column with the answers that are found.</param>
    /// <param name="scoreColumnName">Output column with the probability of each answer.</param>
    /// <param name="topK">Most answers to a question, from 1 to 1000.</param>
    /// <param name="batchSize">Rows of a training step, at least 1; ML.NET's own trainer takes 4, of which inner products between rows have little to say.</param>
    /// <param name="maxEpochs">Passes over the training rows, at least 1.</param>
    /// <param name="model">The pretrained model to start from; null for the first 8 layers of <see cref="PretrainedModel.BgeSmall"/>.</param>
    /// <param name="validationSet">Rows to watch the training on, with the same columns; null for none.</param>
    /// <param name="adapter">What is trained besides the head; null for <see cref="Adapters.LoRA"/>.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static QuestionAnswerTrainer QuestionAnswer(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        OptimizerOptions optimizer,
        string contextColumnName = "Context",
        string questionColumnName = "Question",
        string trainingAnswerColumnName = "TrainingAnswer",
        string answerIndexColumnName = "AnswerIndex",
        string predictedAnswerColumnName = "Answer",
        string scoreColumnName = "Score",
        int topK = 3,
        int batchSize = 16,
        int maxEpochs = 10,
        PretrainedModel? model = null,
        IDataView? validationSet = null,
        AdapterOptions? adapter = null) => catalog.QuestionAnswer(new QuestionAnswerTrainer.Options
        {
            Optimizer = optimizer,
            ContextColumnName = contextColumnName,
            QuestionColumnName = questionColumnName,
            LabelColumnName = trainingAnswerColumnName,
            AnswerIndexColumnName = answerIndexColumnName,
            PredictedAnswerColumnName = predictedAnswerColumnName,
            ScoreColumnName = scoreColumnName,
            TopKAnswers = topK,
            BatchSize = batchSize,
            MaxEpoch = maxEpochs,
            Model = model ?? PretrainedModel.DefaultForTexts,
            ValidationSet = validationSet,
            Adapter = adapter ?? Adapters.LoRA,
        });

    /// <summary>Creates a trainer that fine-tunes a pretrained transformer to find the part of a text that answers a question.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification.Trainers</c>.</param>
    /// <param name="options">All settings; copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentException">Settings contradict each other; the message names them.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range; the message names it.</exception>
    public static QuestionAnswerTrainer QuestionAnswer(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, QuestionAnswerTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new QuestionAnswerTrainer(CatalogUtils.GetEnvironment(catalog), options);
    }
}
