using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.Runtime;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C classes: softmax cross-entropy; columns PredictedLabel and Score.</summary>
/// <param name="labels">The classes.</param>
/// <param name="textToText">How a text-to-text model is asked; without effect for encoders, for which it must be empty.</param>
internal sealed class ClassificationTask(ClassLabels labels, TextToTextSettings textToText) : TextTask
{
    /// <summary>The classes.</summary>
    public ClassLabels Labels { get; } = labels;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames => Labels.Names;

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SoftmaxCrossEntropy();

    /// <inheritdoc/>
    public override ScalarType LabelType => ScalarType.Int64;

    /// <inheritdoc/>
    public override Func<double?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getKey = row.GetGetter<uint>(label);
        var key = 0u;
        return () =>
        {
            getKey(ref key);
            return key == 0 || key > Labels.Count ? null : key - 1;
        };
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => nn.functional.softmax(outputs, -1);

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TextColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new KeyDataViewType(typeof(uint), Labels.Count), LabelAnnotations(input), LargestGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single, Labels.Count), ScoreAnnotations(input), VectorGetter),
    ];

    /// <inheritdoc/>
    public override void Save(IHost host, BinaryWriter writer)
    {
        Labels.Save(host, writer);
        textToText.Save(writer);
    }

    /// <inheritdoc/>
    public override TextNetwork CreateNetwork(TextCheckpoint checkpoint, AdapterOptions adapter, long seed, bool useHead)
    {
        if (checkpoint.Network is T5Network network)
        {
            return new TextToTextClassifier(
                network, LabelWords.Encode(textToText.WordsFor(Labels.Names), checkpoint.Tokenizer, network.Config), adapter, seed);
        }

        textToText.CheckUnused();
        return new TextClassifier(checkpoint.Encoder, OutputCount, adapter, seed, useHead ? checkpoint.HeadWeights : null);
    }

    /// <inheritdoc/>
    public override ITextTokenizer RowTokenizer(TextCheckpoint checkpoint, TextColumns columns) => checkpoint.Network is T5Network
        ? new PromptTokenizer(checkpoint.Tokenizer, textToText.PromptFor(columns.Sentence2 is not null))
        : checkpoint.Tokenizer;

    private static ValueGetter<uint> LargestGetter(Func<float[]> scores) => (ref uint value) =>
    {
        var row = scores();
        value = (uint)Array.IndexOf(row, row.Max()) + 1;
    };

    private static ValueGetter<VBuffer<float>> VectorGetter(Func<float[]> scores) => (ref VBuffer<float> value) =>
    {
        var row = scores();
        var editor = VBufferEditor.Create(ref value, row.Length);
        row.CopyTo(editor.Values);
        value = editor.Commit();
    };

    private DataViewSchema.Annotations LabelAnnotations(DataViewSchema input)
    {
        var builder = ScoringOutput.ScoreAnnotations(
            input, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification, AnnotationUtils.Const.ScoreValueKind.PredictedLabel);
        Labels.Annotate(builder, AnnotationUtils.Kinds.KeyValues);
        return builder.ToAnnotations();
    }

    // Names of the slots are text whatever the label's type, so that metrics print them.
    private DataViewSchema.Annotations ScoreAnnotations(DataViewSchema input)
    {
        var builder = ScoringOutput.ScoreAnnotations(
            input, AnnotationUtils.Const.ScoreColumnKind.MulticlassClassification, AnnotationUtils.Const.ScoreValueKind.Score);
        Labels.Annotate(builder, AnnotationUtils.Kinds.TrainingLabelValues);
        var names = new VBuffer<ReadOnlyMemory<char>>(Labels.Count, [.. Labels.Names.Select(name => name.AsMemory())]);
        builder.AddSlotNames(names.Length, (ref VBuffer<ReadOnlyMemory<char>> value) => names.CopyTo(ref value));
        return builder.ToAnnotations();
    }
}
