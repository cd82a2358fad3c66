using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Evaluation;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Metrics that ML.NET has not: entities, answers, several labels of a row, and calibration; for <c>mlContext.MulticlassClassification</c>.</summary>
/// <remarks>They read columns of a data view, whatever wrote them, once and row by row.</remarks>
public static class EvaluationCatalog
{
    /// <summary>Measures how well named entities are found, by the rule of conlleval: type and boundaries must be exact.</summary>
    /// <remarks>
    /// <para>Labels and predictions are compared by name, so their keys may be in different orders. The tags may be those of IOB1, IOB2, IOBES, BILOU or BMES, or types alone; <see cref="NamedEntityMetrics"/> says how they
    /// are read. Each row is a text of its own: no entity goes on in the next.</para>
    /// <para>A missing key in the label means that the word has no label: it does not count in <see cref="NamedEntityMetrics.TagAccuracy"/>, and is in no labelled entity. A missing key in the prediction is
    /// read as <c>O</c>.</para>
    /// </remarks>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification</c>.</param>
    /// <param name="data">The data, with predictions.</param>
    /// <param name="labelColumnName">Column with the tag of each word: a vector of keys of any length, with values.</param>
    /// <param name="predictedLabelColumnName">Column with the predicted tag of each word, of the same type; as many in each row as labels.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows or no labels, or a row has not as many predictions as labels; the message names it.</exception>
    public static NamedEntityMetrics EvaluateNamedEntities(
        this MulticlassClassificationCatalog catalog, IDataView data, string labelColumnName = "Label", string predictedLabelColumnName = "PredictedLabel") =>
        NamedEntityEvaluation.Run(Host(catalog, data, labelColumnName, predictedLabelColumnName), data, labelColumnName, predictedLabelColumnName);

    /// <summary>Measures how well answers agree with references, by the rules of SQuAD.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification</c>.</param>
    /// <param name="data">The data, with predictions.</param>
    /// <param name="answerColumnName">Column with the reference, a text, or with several, a vector of texts of any length; empty for a question without an answer.</param>
    /// <param name="predictedAnswerColumnName">Column with the predicted answer, a text, or with several, of which the first counts; empty for none.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows.</exception>
    public static QuestionAnswerMetrics EvaluateQuestionAnswers(
        this MulticlassClassificationCatalog catalog, IDataView data, string answerColumnName = "TrainingAnswer", string predictedAnswerColumnName = "Answer") =>
        QuestionAnswerEvaluation.Run(Host(catalog, data, answerColumnName, predictedAnswerColumnName), data, answerColumnName, predictedAnswerColumnName);

    /// <summary>Measures how well classes are predicted where a row may have several or none.</summary>
    /// <remarks>
    /// Labels of a row may be in any order; duplicates count once, and missing keys not at all. Predictions are compared with labels by name. A row whose scores are not numbers counts like the others; in
    /// average precision it comes last. Memory: the scores, 4 bytes for each row and class.
    /// </remarks>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification</c>.</param>
    /// <param name="data">The data, with predictions.</param>
    /// <param name="labelColumnName">Column with the classes of a row: a vector of keys of any length.</param>
    /// <param name="scoreColumnName">
    /// Column with a number for each class, larger for more likely ones: a vector of <see cref="float"/> in the order of the label's keys, or of other order if its slots are named like the keys.
    /// </param>
    /// <param name="predictedLabelsColumnName">Column with the predicted classes of a row: a vector of keys of any length.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type.</exception>
    /// <exception cref="InvalidOperationException">There are no rows, or the predictions have classes that the label lacks.</exception>
    public static MultiLabelMetrics EvaluateMultiLabel(
        this MulticlassClassificationCatalog catalog, IDataView data, string labelColumnName = "Label", string scoreColumnName = "Score", string predictedLabelsColumnName = "PredictedLabels") =>
        MultiLabelEvaluation.Run(
            Host(catalog, data, labelColumnName, scoreColumnName, predictedLabelsColumnName), data, labelColumnName, scoreColumnName, predictedLabelsColumnName);

    /// <summary>Measures whether the probabilities of a classifier mean what they say.</summary>
    /// <remarks>Rows whose label is missing, or that have a probability that is not a number, are left out and counted.</remarks>
    /// <param name="catalog">The catalog, <c>mlContext.MulticlassClassification</c>.</param>
    /// <param name="data">The data, with predictions.</param>
    /// <param name="labelColumnName">Column with the class of a row: a key.</param>
    /// <param name="scoreColumnName">
    /// Column with the probability of each class: a vector of <see cref="float"/> in the order of the label's keys, or of other order if its slots are named like the keys.
    /// </param>
    /// <param name="binCount">Intervals of confidence, at least 1.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or <paramref name="binCount"/> is less than 1.</exception>
    /// <exception cref="InvalidOperationException">There are no rows that can be measured, scores that are no probabilities, or scores of classes that the label lacks; the message names the row or the class.</exception>
    public static CalibrationMetrics EvaluateCalibration(
        this MulticlassClassificationCatalog catalog, IDataView data, string labelColumnName = "Label", string scoreColumnName = "Score", int binCount = 15)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(binCount, 1);
        return CalibrationEvaluation.Run(Host(catalog, data, labelColumnName, scoreColumnName), data, labelColumnName, scoreColumnName, binCount);
    }

    private static IHost Host(MulticlassClassificationCatalog catalog, IDataView data, params ReadOnlySpan<string> columns)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        foreach (var column in columns)
        {
            ArgumentException.ThrowIfNullOrEmpty(column);
        }

        return CatalogUtils.GetEnvironment(catalog).Register(nameof(EvaluationCatalog));
    }
}
