using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Scoring with fine-tuned models in ONNX Runtime, for the catalogs of an <see cref="MLContext"/>.</summary>
public static class NaturalGradientOnnxCatalog
{
    private const string Option = "Microsoft.ML.NaturalGradient.OnnxScoring";

    /// <summary>Creates an estimator that scores rows with a fine-tuned model of a folder that <c>SaveOnnx</c> wrote.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Transforms</c>.</param>
    /// <param name="folder">The folder: graph, tokenizer or image processor, and what the model predicts.</param>
    /// <param name="inputColumnName">Column with the text, the question or the picture; null for what the trainer of the task takes: "Sentence1", "Sentence" for tags, "Question", "Features".</param>
    /// <param name="secondInputColumnName">Column with the second text of a pair; null for none, "Sentence2" where the model was trained on pairs, and "Context" where questions are answered.</param>
    /// <param name="outputColumnName">Output column with what is predicted; null for "PredictedLabel", "PredictedLabels" for several classes at once, "Answer" for answers. Not used for numbers.</param>
    /// <param name="scoreColumnName">Output column with probabilities, or the number; null for "Score".</param>
    /// <param name="options">How ONNX Runtime computes; null for what <see cref="UseOnnxScoring"/> was told.</param>
    /// <returns>The estimator.</returns>
    /// <exception cref="FileNotFoundException">There is no such folder, or it has no description of the model.</exception>
    /// <exception cref="InvalidDataException">The description is damaged; the message names the field.</exception>
    public static NaturalGradientOnnxEstimator ApplyNaturalGradientOnnx(
        this TransformsCatalog catalog,
        string folder,
        string? inputColumnName = null,
        string? secondInputColumnName = null,
        string? outputColumnName = null,
        string? scoreColumnName = null,
        OnnxScoringOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options?.Validate();
        var environment = CatalogUtils.GetEnvironment(catalog);
        return new NaturalGradientOnnxEstimator(
            environment, Path.GetFullPath(folder), new ServedColumns(scoreColumnName, outputColumnName, inputColumnName, secondInputColumnName), options ?? OptionsOf(environment));
    }

    /// <summary>Says how models that are loaded afterwards are computed, those of <c>mlContext.Model.Load</c> included.</summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="options">The settings.</param>
    /// <returns>The context.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    public static MLContext UseOnnxScoring(this MLContext mlContext, OnnxScoringOptions options)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        mlContext.SetOption(Option, options);
        return mlContext;
    }

    internal static OnnxScoringOptions OptionsOf(IHostEnvironment environment) =>
        environment is IHostEnvironmentInternal settings && settings.TryGetOption<OnnxScoringOptions>(Option, out var options) ? options : new();
}
