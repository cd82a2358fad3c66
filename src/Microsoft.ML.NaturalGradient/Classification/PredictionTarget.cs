using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>What is predicted of a row: how labels are read, which loss compares them with the network's outputs, and which predictions these become.</summary>
internal abstract class PredictionTarget
{
    /// <summary>What scoring knows of it: names of the outputs, and columns.</summary>
    public abstract PredictionFormat Format { get; }

    /// <summary>Outputs K of the network for a row.</summary>
    public int OutputCount => Format.OutputCount;

    /// <summary>Names of the outputs: those of the classes.</summary>
    public IReadOnlyList<string> OutputNames => Format.OutputNames;

    /// <summary>The loss.</summary>
    public abstract IObjective Objective { get; }

    /// <summary>What reports call <see cref="TrainingProgress.Loss"/>, in the log.</summary>
    public virtual string LossName => "loss";

    /// <summary>What a model of texts is called where it is exported, for example <c>Text classifier</c>.</summary>
    public abstract string TextModelTitle { get; }

    /// <summary>What transformers calls the loss of a whole text's outputs.</summary>
    public virtual string ProblemType => ClassifierConfig.OneLabel;

    /// <summary>How Python makes predictions of a tensor <c>logits</c>: their name, and what is done to the tensor.</summary>
    public abstract (string Name, string Call) PythonPredictions { get; }

    /// <summary>What outputs are divided by before they become predictions.</summary>
    public virtual double Temperature => 1;

    /// <summary>Mean loss of a row about which nothing is known, in the units of <see cref="Objective"/>.</summary>
    public abstract double GuessLoss { get; }

    /// <summary>The classes by whose number an optimizer chooses its default learning rate.</summary>
    public virtual int RateClassCount => OutputCount;

    /// <summary>The tensors of labels.</summary>
    public abstract LabelFormat LabelFormat { get; }

    /// <summary>Whether a row has one class of several.</summary>
    public bool IsClass => LabelFormat == LabelFormat.Class;

    /// <summary>Prepares reading labels.</summary>
    /// <param name="row">The row or cursor, with the label column active.</param>
    /// <param name="label">The label column.</param>
    /// <returns>Reads the label of the current row, which may keep the array; null when it is missing.</returns>
    public abstract Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label);

    /// <summary>Turns the network's outputs into predictions.</summary>
    /// <param name="outputs">Outputs, [N, K] or [N, T, K], float64.</param>
    /// <returns>Predictions, shaped alike, float64; in the caller's dispose scope.</returns>
    public abstract Tensor Predictions(Tensor outputs);

    /// <summary>Writes <see cref="Predictions"/> into a graph, where they are probabilities.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="outputs">The network's outputs, [N, K] or [N, T, K], float32.</param>
    /// <returns>Probabilities, shaped alike; null where predictions are the outputs.</returns>
    public abstract OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs);

    /// <summary>Adds the columns of the predictions to a graph of ML.NET's converter.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="outputs">What the network gives.</param>
    /// <param name="columns">Names of the columns.</param>
    /// <returns>Each column with its values, one row for each sample.</returns>
    /// <exception cref="NotSupportedException">Rows of this task have no columns that a graph can give.</exception>
    public virtual IEnumerable<(string Column, OnnxValue Value)> EmitColumns(OnnxGraph graph, OnnxValue outputs, TargetColumns columns) => throw new NotSupportedException(
        $"ML.NET's ConvertToOnnx cannot write the columns of this task ({TextModelTitle}), which need the words of a text or have no fixed length. Use SaveOnnx of its model, or mlContext.Model.SaveForServing.");

    /// <summary>What readers of an exported graph need to know of the target, by the names that the graph's notes have.</summary>
    public abstract IEnumerable<KeyValuePair<string, string>> OnnxNotes { get; }

    /// <summary>Names the labels that could be predicted but no training row has.</summary>
    /// <param name="labels">The labels of the training rows.</param>
    /// <returns>Sentences for the log; null where there are none, or labels are no classes.</returns>
    public virtual string? DescribeMissing(IEnumerable<RowLabel> labels) => null;

    /// <summary>Turns a label into what the network is trained to put out.</summary>
    public virtual RowLabel ToOutput(RowLabel label) => label;

    /// <summary>Converts a change of the loss from the unit of <see cref="TrainingProgress.Loss"/> to that of <see cref="Objective"/>.</summary>
    public virtual double ObjectiveUnits(double loss) => loss;

    /// <summary>Converts a report from the units of <see cref="Objective"/>.</summary>
    public virtual TrainingProgress Present(TrainingProgress progress) => progress;

    /// <summary>Turns the network's outputs for N rows into arrays.</summary>
    /// <param name="outputs">Outputs, [N, K] or [N, T, K], of any type and device.</param>
    /// <returns>N arrays of K or T·K predictions.</returns>
    public float[][] ToArrays(Tensor outputs)
    {
        using var scope = NewDisposeScope();
        var values = Predictions(outputs.to(ScalarType.Float64)).to(ScalarType.Float32).cpu().data<float>().ToArray();
        return [.. values.Chunk(values.Length / (int)outputs.shape[0])];
    }
}
