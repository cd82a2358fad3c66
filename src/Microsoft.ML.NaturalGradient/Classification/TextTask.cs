using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>What is predicted of a text: how labels are read, which loss compares them with the network's outputs, and which columns come out.</summary>
internal abstract class TextTask
{
    /// <summary>Outputs of the network for a row.</summary>
    public int OutputCount => OutputNames.Count;

    /// <summary>Names of the outputs: those of the classes.</summary>
    public abstract IReadOnlyList<string> OutputNames { get; }

    /// <summary>The loss.</summary>
    public abstract IObjective Objective { get; }

    /// <summary>Element type of label tensors.</summary>
    public abstract ScalarType LabelType { get; }

    /// <summary>Prepares reading labels.</summary>
    /// <param name="row">The row or cursor, with the label column active.</param>
    /// <param name="label">The label column.</param>
    /// <returns>Reads the label of the current row; null when it is missing.</returns>
    public abstract Func<double?> LabelReader(DataViewRow row, DataViewSchema.Column label);

    /// <summary>Turns the network's outputs into predictions.</summary>
    /// <param name="outputs">Outputs, [N, K], float64.</param>
    /// <returns>Predictions, [N, K], float64; in the caller's dispose scope.</returns>
    public abstract Tensor Predictions(Tensor outputs);

    /// <summary>The columns that a transformer adds.</summary>
    /// <param name="columns">Their names.</param>
    /// <param name="input">Schema of the rows they are added to.</param>
    /// <returns>The columns, in order.</returns>
    public abstract IReadOnlyList<ScoringOutput> Outputs(TextColumns columns, DataViewSchema input);

    /// <summary>Writes what is needed to read the task again.</summary>
    /// <param name="host">The host.</param>
    /// <param name="writer">The model stream.</param>
    public abstract void Save(IHost host, BinaryWriter writer);

    /// <summary>Makes the network that is trained for the task.</summary>
    /// <param name="checkpoint">The pretrained model; its network is owned by the result.</param>
    /// <param name="adapter">What is trained.</param>
    /// <param name="seed">Seed of initial values.</param>
    /// <param name="useHead">Whether the checkpoint's own head is taken over.</param>
    /// <returns>The network; owned by the caller.</returns>
    /// <exception cref="NotSupportedException">The pretrained model cannot be used for the task.</exception>
    public abstract TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead);

    /// <summary>The tokenizer for rows: the model's own, unless rows are put into a prompt.</summary>
    /// <param name="checkpoint">The pretrained model.</param>
    /// <param name="columns">The columns of rows.</param>
    public virtual ITextTokenizer RowTokenizer(TextCheckpoint checkpoint, TextColumns columns) => checkpoint.Tokenizer;

    /// <summary>Adapts the task to the labels it is trained on.</summary>
    /// <param name="rows">The training rows.</param>
    /// <returns>The task to train; this one where there is nothing to adapt.</returns>
    public virtual TextTask FitTo(IReadOnlyList<EncodedRow> rows) => this;

    /// <summary>Turns a label into what the network is trained to put out.</summary>
    public virtual double Target(double label) => label;

    /// <summary>Converts a change of the loss from the unit of <see cref="TrainingProgress.Loss"/> to that of <see cref="Objective"/>.</summary>
    public virtual double ObjectiveUnits(double loss) => loss;

    /// <summary>Converts a report from the units of <see cref="Objective"/>.</summary>
    public virtual TrainingProgress Present(TrainingProgress progress) => progress;

    /// <summary>Lets the trained network put out labels instead of targets.</summary>
    /// <param name="network">The network; changed.</param>
    public virtual void Finish(TextNetwork network)
    {
    }
}
