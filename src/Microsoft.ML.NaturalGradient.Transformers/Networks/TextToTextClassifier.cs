using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>A text-to-text network that answers with one word for each class.</summary>
/// <remarks>
/// Trained on all tokens of the right word, as Raffel et al., JMLR 2020, section 2.4. Classes are scored by the probability of their whole word
/// and not by what the network would write, so that each text gets one of the classes and the scores are a distribution.
/// </remarks>
internal sealed class TextToTextClassifier : TextNetwork
{
    private const long ChunkBytes = 256L << 20;

    [ComponentName(Name = "network")]
    private readonly T5Network _network;

    /// <summary>Creates a classifier whose network is frozen but for what the adapter trains.</summary>
    /// <param name="network">The network; owned by this object from now on.</param>
    /// <param name="words">The words of the classes.</param>
    /// <param name="adapter">What is trained.</param>
    /// <param name="seed">Seed of the adapter's initial values and of dropout.</param>
    public TextToTextClassifier(T5Network network, LabelWords words, AdapterOptions adapter, long seed)
        : base(nameof(TextToTextClassifier), seed)
    {
        _network = network;
        Words = words;
        Freeze(network);
        adapter.Attach(network, Generator);
        RegisterComponents();
        adapter.Restore(this);
    }

    /// <inheritdoc/>
    public override PretrainedNetwork Base => _network;

    /// <summary>The words of the classes.</summary>
    public LabelWords Words { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassWords => Words.Words;

    /// <inheritdoc/>
    public override IEnumerable<string> Warnings => Words.SharedFirstTokens.Select(group =>
        $"The label words {string.Join(" and ", group.Select(word => $"'{word}'"))} begin with the same token. Their classes are told apart by later "
        + "tokens only; LabelWords that differ from the first token on are learned faster.");

    /// <inheritdoc/>
    /// <remarks>Labels become [N, T]: the tokens of the class's word.</remarks>
    public override IBatchSource ForTraining(IBatchSource rows) => new TextToTextSource(rows, Words);

    /// <inheritdoc/>
    public override Tensor Forward(ModelInput input)
    {
        var batch = (TextToTextBatch)input;
        return _network.Logits(Decode(batch.Text, batch.DecoderIds)); // [N, T, V]
    }

    /// <inheritdoc/>
    /// <remarks>By the words' whole probability, as texts are scored.</remarks>
    public override Tensor? FindCorrect(ModelInput input)
    {
        using var scope = NewDisposeScope();
        var batch = (TextToTextBatch)input;
        return ClassLogProbabilities(batch.Text).argmax(1).eq(batch.Classes).MoveToOuterDisposeScope(); // [N]
    }

    /// <inheritdoc/>
    public override Tensor Outputs(TokenBatch batch) => ClassLogProbabilities(batch);

    /// <summary>Computes the log-probability of each class's whole word, given the text.</summary>
    /// <remarks>
    /// log p(word_c | text) = Σ_t log p(y_ct | y_c1 … y_c,t−1, text), the end token included. The encoder runs once and the decoder once, on all
    /// words of all texts; logits are formed for tokens that count, a bounded number at a time.
    /// </remarks>
    /// <param name="batch">N texts.</param>
    /// <param name="chunkBytes">Most bytes of logits at a time.</param>
    /// <returns>[N, C], float64; their softmax is a distribution over the classes; owned by the caller.</returns>
    public Tensor ClassLogProbabilities(TokenBatch batch, long chunkBytes = ChunkBytes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (samples, device) = (batch.SampleCount, batch.Ids.device);
        var hidden = Decode(batch, Words.DecoderIds(device).repeat(samples, 1)); // [N·C, T, D]
        var labels = Words.Labels(device); // [C, T]
        var counted = labels.GreaterThan(-1).flatten().nonzero().squeeze(1); // [K], positions in [C·T]
        var rows = hidden.view(samples, -1, hidden.shape[2]).index_select(1, counted).flatten(0, 1); // [N·K, D]
        var targets = labels.flatten().index_select(0, counted).repeat(samples); // [N·K]
        var tokens = LogProbabilities(rows, targets, chunkBytes).view(samples, -1); // [N, K]
        var classes = TensorMath.Indices(labels.shape[0], device).unsqueeze(1).expand(labels.shape).flatten().index_select(0, counted); // [K]
        return tokens.mm(nn.functional.one_hot(classes, labels.shape[0]).to(ScalarType.Float64)).MoveToOuterDisposeScope(); // [N, C]
    }

    /// <inheritdoc/>
    /// <returns>Log-probabilities of the classes' words, as <see cref="ClassLogProbabilities"/> computes them, [N, C].</returns>
    public override OnnxValue Emit(OnnxGraph graph, OnnxPictureSize? pictures)
    {
        var tokens = OnnxTokens.Inputs(graph);
        var words = _network.EmitEmbed(graph, tokens.Ids); // [N, S, D]
        if (_network.Prompt is { } prompt)
        {
            words = prompt.EmitPrepend(graph, words); // [N, P + S, D]
            tokens = tokens.WithPrompt(graph, (int)prompt.Length);
        }

        var mask = graph.PaddingMask(tokens.Mask);
        var memory = _network.EmitEncode(graph, words, mask);
        return EmitClasses(graph, memory, mask);
    }

    /// <inheritdoc/>
    protected override IEnumerable<NamedParameter> Named() => ParameterNames.Of(_network);

    private Tensor Decode(TokenBatch text, Tensor decoderIds)
    {
        var words = _network.Embed(text.Ids); // [N, S, D]
        if (_network.Prompt is { } prompt)
        {
            words = prompt.Prepend(words); // [N, P + S, D]
            text = text.WithPrompt((int)prompt.Length);
        }

        var mask = _network.Mask(text);
        var memory = _network.Encode(words, mask, text.Packed())[^1].Apart(); // [N, S, D]
        return _network.Decode(_network.Embed(decoderIds), memory, mask)[^1];
    }

    // What the decoder reads is the same for every text, and so it is in the file: the vectors of all words' tokens.
    private OnnxValue EmitClasses(OnnxGraph graph, OnnxValue memory, OnnxValue mask)
    {
        using var scope = graph.Enter("words");
        var labels = Words.LabelRows; // [C], tokens of each
        var (classes, length, width) = (labels.Count, Words.MaxLength, (long)_network.HiddenSize);
        var start = graph.Weight(
            "decoder_inputs", () => _network.WordVectors(Words.DecoderIds(CPU).flatten()).unsqueeze(0), 1, classes * length, width);
        var hidden = _network.EmitDecode(graph, graph.ExpandRows(start, memory), memory, mask, classes); // [N, C·T, D]
        var counted = labels.SelectMany((word, place) => word.Select((token, t) => (Place: (long)(place * length) + t, Token: (long)token, Class: place))).ToArray(); // K
        var rows = graph.Gather(hidden, graph.Integers([.. counted.Select(entry => entry.Place)]), 1); // [N, K, D]
        var logits = graph.Cast(_network.EmitLogits(graph, graph.Reshape(rows, rows.Shape[0] * counted.Length, width)), OnnxElementType.Float); // [N·K, V]
        var shares = graph.LogSoftmax(graph.Reshape(logits, rows.Shape[0], counted.Length, logits.Width)); // [N, K, V]
        var targets = graph.Numbers("tokens", OnnxElementType.Int64, () => tensor([.. counted.Select(entry => entry.Token)], device: CPU).view(1, -1, 1), 1, counted.Length, 1);
        var tokens = graph.Reshape(graph.GatherLast(shares, graph.ExpandRows(targets, shares)), shares.Shape[0], counted.Length); // [N, K]
        var sums = graph.Numbers(
            "classes", OnnxElementType.Float, () => nn.functional.one_hot(tensor([.. counted.Select(entry => (long)entry.Class)], device: CPU), classes), counted.Length, classes);
        return graph.MatMul(tokens, sums); // [N, C]
    }

    // log p(target) of each row, [R], float64.
    private Tensor LogProbabilities(Tensor rows, Tensor targets, long chunkBytes)
    {
        var (total, count) = (rows.shape[0], Math.Max(1, chunkBytes / (sizeof(double) * _network.Config.VocabularySize)));
        var parts = new List<Tensor>();
        for (long start = 0; start < total; start += count)
        {
            using var chunkScope = NewDisposeScope();
            var length = Math.Min(count, total - start);
            var logits = _network.Logits(rows.narrow(0, start, length)).to(ScalarType.Float64); // [R', V]
            var chosen = logits.gather(1, targets.narrow(0, start, length).unsqueeze(1)).squeeze(1); // [R']
            parts.Add(chosen.sub(logits.logsumexp(1)).MoveToOuterDisposeScope());
        }

        return cat(parts);
    }
}
