using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>A fine-tuned model that finds answers in texts. Several threads may use it at once.</summary>
public sealed class QuestionAnswerModel : FineTunedModel
{
    internal QuestionAnswerModel(TextScorer scorer)
        : base(scorer)
    {
        Scorer = scorer;
    }

    internal TextScorer Scorer { get; }

    /// <summary>Finds answers to questions.</summary>
    /// <param name="questions">N questions.</param>
    /// <param name="contexts">The N texts that have the answers.</param>
    /// <returns>For each question its best answers, the best first; none where the text is empty.</returns>
    /// <exception cref="ArgumentException">There are not as many texts as questions.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public IReadOnlyList<IReadOnlyList<AnswerSpan>> FindAnswers(IReadOnlyList<string> questions, IReadOnlyList<string> contexts)
    {
        ArgumentNullException.ThrowIfNull(questions);
        ArgumentNullException.ThrowIfNull(contexts);
        if (questions.Count != contexts.Count)
        {
            throw new ArgumentException($"There are {questions.Count} questions, but {contexts.Count} texts. Give one for each question.", nameof(contexts));
        }

        var search = ((AnswerScoring)Scorer.Task.Scoring).Search;
        return [.. Scorer.Score([.. questions.Zip(contexts, (question, context) => new QuestionedText(question, context, Scorer.Encoding, search))])
            .Select(scores => ((AnswerScores)scores).Answers.Select(found => new AnswerSpan(found.Text, found.Start, found.Score)).ToArray())];
    }
}
