using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Evaluation;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Pipelines;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>One of C tags for each word: softmax cross-entropy, summed over the words of a text; columns PredictedLabel and Score, both as long as the text.</summary>
/// <param name="labels">The tags.</param>
/// <param name="missingIsOutside">Whether words without a key are words that belong to nothing, and not words without a label.</param>
/// <param name="words">Mean number of labelled words of a text, for <see cref="GuessLoss"/>.</param>
internal sealed class TagTarget(ClassLabels labels, bool missingIsOutside, double words = 1) : PredictionTarget
{
    /// <summary>The tag of words that belong to nothing.</summary>
    private const string Outside = "O";

    /// <summary>The tags.</summary>
    public ClassLabels Labels { get; } = labels;

    /// <summary>Whether words without a key are words that belong to nothing; else they are words without a label.</summary>
    public bool MissingIsOutside => missingIsOutside;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames { get; } = missingIsOutside ? [Outside, .. labels.Names] : labels.Names;

    /// <inheritdoc/>
    public override IObjective Objective { get; } = new SoftmaxCrossEntropy();

    /// <inheritdoc/>
    public override string LossName => "loss of a text";

    /// <inheritdoc/>
    public override string TextModelTitle => "Tags for words";

    /// <inheritdoc/>
    public override (string Name, string Call) PythonPredictions => ("probabilities", ".softmax(-1)");

    /// <inheritdoc/>
    public override double GuessLoss => words * Math.Log(OutputCount);

    /// <inheritdoc/>
    public override LabelFormat LabelFormat { get; } = new(ScalarType.Int64, IsVector: true);

    /// <summary>A target of a label column: words without a key belong to nothing where no key says so.</summary>
    /// <param name="labels">The tags.</param>
    public static TagTarget Of(ClassLabels labels) => new(labels, !labels.Names.Any(name => EntityTag.Parse(name) == EntityTag.Outside));

    /// <summary>The same target for given texts.</summary>
    /// <param name="rows">Their labels.</param>
    public TagTarget For(IReadOnlyCollection<RowLabel> rows) =>
        new(Labels, MissingIsOutside, Math.Max(1, rows.Average(row => (double)row.Values.Count(value => value != LabelFormat.Filling))));

    /// <inheritdoc/>
    /// <remarks>A value for each word. A text none of whose words has a label has none.</remarks>
    public override Func<double[]?> LabelReader(DataViewRow row, DataViewSchema.Column label)
    {
        var getKeys = row.GetGetter<VBuffer<uint>>(label);
        var keys = default(VBuffer<uint>);
        return () =>
        {
            getKeys(ref keys);
            var values = keys.DenseValues().Select(OutputOf).ToArray();
            return Array.Exists(values, value => value != LabelFormat.Filling) ? values : null;
        };
    }

    /// <inheritdoc/>
    public override string? DescribeMissing(IEnumerable<RowLabel> labels)
    {
        var seen = labels.SelectMany(label => label.Values).ToHashSet();
        var missing = OutputNames.Where((_, output) => !seen.Contains(output)).Select(name => $"'{name}'").ToList();
        return missing.Count == 0 ? null : $"{missing.Count} of {OutputCount} tags stand at no training word, so they cannot be learned: {MessageText.Few(missing)}.";
    }

    /// <inheritdoc/>
    public override Tensor Predictions(Tensor outputs) => nn.functional.softmax(outputs, -1);

    /// <inheritdoc/>
    public override OnnxValue? EmitProbabilities(OnnxGraph graph, OnnxValue outputs) => graph.Softmax(outputs);

    /// <inheritdoc/>
    /// <remarks>Whether the first class is no key of the label column, but stands for words without one.</remarks>
    public override IEnumerable<KeyValuePair<string, string>> OnnxNotes => [new("task", "tags"), new("first_class_is_no_key", missingIsOutside ? "true" : "false")];

    /// <inheritdoc/>
    public override IReadOnlyList<ScoringOutput> Outputs(TargetColumns columns, DataViewSchema input) =>
    [
        new(columns.PredictedLabel!, new VectorDataViewType(new KeyDataViewType(typeof(uint), Labels.Count)), ScoringOutput.LabelAnnotations(input, Labels), KeyGetter),
        new(columns.Score, new VectorDataViewType(NumberDataViewType.Single), DataViewSchema.Annotations.Empty, ScoreGetter),
    ];

    /// <summary>The most probable tag of each word.</summary>
    /// <param name="scores">Probabilities, words by tags; NaN for words of no token.</param>
    /// <returns>The output of each word, from 0; −1 for words of no token.</returns>
    public int[] Largest(float[] scores) => [.. scores.Chunk(OutputCount).Select(word => float.IsNaN(word[0]) ? -1 : Array.IndexOf(word, word.Max()))];

    /// <summary>The columns with entities.</summary>
    /// <param name="name">What their names begin with.</param>
    public IReadOnlyList<ScoringOutput> EntityOutputs(string name)
    {
        return
        [
            Column<int>(TargetColumns.StartSuffix, NumberDataViewType.Int32, entity => entity.Start),
            Column<int>(TargetColumns.LengthSuffix, NumberDataViewType.Int32, entity => entity.Length),
            Column<ReadOnlyMemory<char>>(TargetColumns.TypeSuffix, TextDataViewType.Instance, entity => entity.Type.AsMemory()),
            Column<float>(TargetColumns.ScoreSuffix, NumberDataViewType.Single, entity => entity.Score),
        ];

        ScoringOutput Column<T>(string suffix, PrimitiveDataViewType type, Func<FoundEntity, T> part) => new(
            name + suffix, new VectorDataViewType(type), DataViewSchema.Annotations.Empty,
            scores => (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => ScoringOutput.Fill<T>(ref value, [.. Entities((TagScores)scores()).Select(part)])));
    }

    /// <summary>The entities of a text, by conlleval's rule.</summary>
    /// <param name="scores">The probabilities of its words' tags.</param>
    public IEnumerable<FoundEntity> Entities(TagScores scores)
    {
        var best = Largest(scores.Values);
        var spans = new List<EntitySpan>();
        EntitySpan.Find(Array.ConvertAll(best, output => output < 0 ? EntityTag.Outside : EntityTag.Parse(OutputNames[output])), spans);
        return spans.Select(span =>
        {
            var (start, end) = (scores.Words[span.Start].Start, scores.Words[span.End - 1].End);
            var probability = Enumerable.Range(span.Start, span.End - span.Start).Aggregate(1f, (product, word) => product * scores.Values[(word * OutputCount) + best[word]]);
            return new FoundEntity(start, end - start, span.Type, probability);
        });
    }

    private double OutputOf(uint key) => key > Labels.Count || (key == 0 && !MissingIsOutside) ? LabelFormat.Filling : MissingIsOutside ? key : key - 1.0;

    private uint KeyOf(int output) => output < 0 ? 0 : (uint)(MissingIsOutside ? output : output + 1);

    private ValueGetter<VBuffer<uint>> KeyGetter(Func<RowScores> scores) => (ref value) => ScoringOutput.Fill<uint>(ref value, Array.ConvertAll(Largest(scores().Values), KeyOf));

    private ValueGetter<VBuffer<float>> ScoreGetter(Func<RowScores> scores) =>
        (ref value) => ScoringOutput.Fill<float>(ref value, [.. scores().Values.Chunk(OutputCount).Select(word => word.Max())]);
}
