using System.Globalization;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A trained network that reads texts, with its tokenizer. Several threads may use it at once.</summary>
internal sealed class TextScorer : NetworkScorer, ITokenNetwork
{
    /// <summary>Most tokens of a row unless told otherwise.</summary>
    public const int DefaultMaxTokens = 256;

    /// <summary>Takes over a network.</summary>
    /// <param name="model">The network; owned by this object from now on.</param>
    /// <param name="task">What is predicted.</param>
    /// <param name="encoding">How texts become tokens.</param>
    public TextScorer(TrainedNetwork model, TextTask task, TextEncoding encoding)
        : base(model)
    {
        Task = task;
        Predictor = new TextPredictor(this, encoding);
    }

    /// <summary>Makes predictions of texts.</summary>
    public TextPredictor Predictor { get; }

    /// <summary>How texts become tokens.</summary>
    public TextEncoding Encoding => Predictor.Encoding;

    /// <summary>What is predicted.</summary>
    public TextTask Task { get; }

    /// <inheritdoc/>
    public override ExportDetails Export => new()
    {
        MaxTokens = Encoding.MaxTokens,
        PadId = Encoding.Tokenizer.PadId,
        Notes = Task.Scoring is AnswerScoring { Search: var search }
            ? new Dictionary<string, string>
            {
                [ServedFolder.AnswersNote] = search.Count.ToString(CultureInfo.InvariantCulture),
                [ServedFolder.AnswerTokensNote] = search.MostTokens.ToString(CultureInfo.InvariantCulture),
            }
            : [],
        ReadsPairs = Encoding.ReadsPairs,
        Predictions = Task.Scoring switch
        {
            ClassificationScoring { Format: var format } => new PredictionNotes
            {
                Temperature = Network.OutputParameters.Any() ? 1 : format.Temperature,
                ScoreThreshold = format.ScoreThreshold,
            },
            SeveralClassesScoring { Format: var format } => new PredictionNotes { Thresholds = format.Thresholds },
            AnswerScoring answers => new PredictionNotes { AnswerTokens = answers.Search.MostTokens },
            _ => PredictionNotes.None,
        },
        TextToText = new TextToTextSettings(Encoding.Tokenizer.Prompt, Network.ClassWords),
    };

    private TextNetwork Network => (TextNetwork)Model.Network;

    /// <summary>Scores rows of data views.</summary>
    /// <param name="columns">The columns.</param>
    public TextRowScorer RowScorer(TextColumns columns) => new(Predictor, Task.Scoring, columns);

    /// <summary>All that is needed to score, but the network.</summary>
    /// <param name="columns">The columns.</param>
    public ServedTexts Served(TextColumns columns)
    {
        var architecture = Model.Network.Base.Architecture;
        return new(columns, Task.Scoring, Encoding.MaxTokens, architecture.Kind == ArchitectureKind.TextToText, Model.Base.Files, architecture.PreprocessorClass);
    }

    /// <inheritdoc cref="TextPredictor.Score(IReadOnlyList{string}, IReadOnlyList{string}?)"/>
    public float[][] Score(IReadOnlyList<string> texts, IReadOnlyList<string>? pairs) => Predictor.Score(texts, pairs);

    /// <inheritdoc cref="TextPredictor.Score(IReadOnlyList{TextExample})"/>
    public IReadOnlyList<RowScores> Score(IReadOnlyList<TextExample> rows) => Predictor.Score(rows);

    /// <inheritdoc/>
    public void ThrowIfDisposed() => Model.ThrowIfDisposed();

    /// <inheritdoc/>
    public float[][] Predict(TokenSequence[] rows)
    {
        using var use = Model.Use();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var batch = TokenBatchSource.Collate(rows, Encoding.Tokenizer.PadId, Model.Device);
        return Model.Target.ToArrays(Model.FiniteOutputs(() => Network.Outputs(batch)));
    }
}
