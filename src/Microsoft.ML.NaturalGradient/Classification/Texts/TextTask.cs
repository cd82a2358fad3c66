using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>What is predicted of a text, and by which network.</summary>
internal abstract class TextTask
{
    /// <summary>What is predicted.</summary>
    public abstract PredictionTarget Target { get; }

    /// <summary>What scoring knows of it: how rows are read, which columns come out, and what is saved.</summary>
    public abstract TextScoring Scoring { get; }

    /// <summary>Reads a pretrained model, for a head of the task.</summary>
    /// <param name="files">The files; owned by the caller.</param>
    /// <param name="elsewhere">As for <see cref="TextCheckpoint.Load"/>.</param>
    public virtual TextCheckpoint Load(CheckpointFiles files, IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere = null) => TextCheckpoint.Load(files, elsewhere);

    /// <summary>Makes the network that is trained for the task.</summary>
    /// <param name="checkpoint">The pretrained model; its network is owned by the result.</param>
    /// <param name="adapter">What is trained.</param>
    /// <param name="seed">Seed of initial values.</param>
    /// <param name="useHead">Whether the checkpoint's own head is taken over.</param>
    /// <returns>The network; owned by the caller.</returns>
    /// <exception cref="NotSupportedException">The pretrained model cannot be used for the task.</exception>
    public abstract TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead);

    /// <summary>How texts become tokens.</summary>
    /// <param name="checkpoint">The pretrained model.</param>
    /// <param name="columns">The columns of rows.</param>
    /// <param name="maxTokens">Most tokens of a sequence.</param>
    public TextEncoding Encoding(TextCheckpoint checkpoint, TextColumns columns, int maxTokens) =>
        new(Scoring.RowTokenizer(checkpoint.Tokenizer, checkpoint.AnswersWithText, columns), maxTokens) { ReadsPairs = columns.Sentence2 is not null && Scoring is not AnswerScoring };

    /// <summary>Adapts the task to the labels it is trained on.</summary>
    /// <param name="labels">The labels of the training rows.</param>
    /// <returns>The task to train; this one where there is nothing to adapt.</returns>
    public virtual TextTask FitTo(IReadOnlyCollection<RowLabel> labels) => this;

    /// <summary>Whether <see cref="Calibrate"/> has something to choose.</summary>
    public virtual bool WantsValidation => false;

    /// <summary>Chooses how outputs become predictions, by rows that were not trained on.</summary>
    /// <param name="outputs">What the finished network puts out for them, [N, K].</param>
    /// <param name="labels">Their labels, as the loss takes them.</param>
    /// <param name="weights">How often each counts, [N]; null for one each.</param>
    /// <param name="log">Takes messages.</param>
    /// <param name="warn">Takes warnings.</param>
    /// <returns>The task to score with.</returns>
    public virtual TextTask Calibrate(Tensor outputs, Tensor labels, Tensor? weights, Action<string> log, Action<string> warn) => this;

    /// <summary>Lets the trained network put out labels instead of targets.</summary>
    /// <param name="network">The network; changed.</param>
    public virtual void Finish(TextNetwork network)
    {
    }
}
