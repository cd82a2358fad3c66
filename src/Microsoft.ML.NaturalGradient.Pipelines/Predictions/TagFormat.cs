using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>One of C tags for each word: columns PredictedLabel and Score, and those of the entities.</summary>
/// <param name="labels">The tags of the label column.</param>
/// <param name="missingIsOutside">Whether words without a key are words that belong to nothing, which then is an output before those of the keys; else they are words without a label.</param>
internal sealed class TagFormat(ClassLabels labels, bool missingIsOutside) : PredictionFormat
{
    /// <summary>The tag of words that belong to nothing.</summary>
    private const string Outside = "O";

    /// <summary>The tags of the label column.</summary>
    public ClassLabels Labels { get; } = labels;

    /// <summary>Whether words without a key are words that belong to nothing.</summary>
    public bool MissingIsOutside => missingIsOutside;

    /// <inheritdoc/>
    public override IReadOnlyList<string> OutputNames { get; } = missingIsOutside ? [Outside, .. labels.Names] : labels.Names;

    /// <inheritdoc/>
    public override LabelKind Kind => LabelKind.Tags;

    /// <summary>The tags of a label column: words without a key belong to nothing where no key says so.</summary>
    /// <param name="labels">The tags.</param>
    /// <exception cref="InvalidOperationException">There is no tag but that of words that belong to nothing.</exception>
    public static TagFormat Of(ClassLabels labels)
    {
        var format = new TagFormat(labels, !labels.Names.Any(name => EntityTag.Parse(name) == EntityTag.Outside));
        return format.OutputCount > 1 ? format : throw new InvalidOperationException(
            $"The only tag is '{labels.Names[0]}', that of words that belong to nothing. Use a label with at least one tag of names, too.");
    }

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

    private uint KeyOf(int output) => output < 0 ? 0 : (uint)(MissingIsOutside ? output : output + 1);

    private ValueGetter<VBuffer<uint>> KeyGetter(Func<RowScores> scores) => (ref value) => ScoringOutput.Fill<uint>(ref value, Array.ConvertAll(Largest(scores().Values), KeyOf));

    private ValueGetter<VBuffer<float>> ScoreGetter(Func<RowScores> scores) =>
        (ref value) => ScoringOutput.Fill<float>(ref value, [.. scores().Values.Chunk(OutputCount).Select(word => word.Max())]);
}
