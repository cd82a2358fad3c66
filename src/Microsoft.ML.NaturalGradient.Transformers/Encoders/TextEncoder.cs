using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained network that turns tokens into vectors. One file per architecture derives from this.</summary>
internal abstract class TextEncoder : PretrainedNetwork
{
    private const double ShortestLength = 1e-12; // as in PyTorch's normalize

    /// <summary>Keeps what all architectures have; the derived class makes and registers the layers.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="ownHead">The head of checkpoints for classification; null for the architecture's.</param>
    private protected TextEncoder(Architecture architecture, EncoderSizes sizes, HeadLayout? ownHead = null)
        : base(architecture)
    {
        Sizes = sizes;
        Head = sizes.HasClassificationHead ? ownHead ?? architecture.Head : HeadLayout.Mean;
    }

    /// <inheritdoc/>
    public override int HiddenSize => Sizes.HiddenSize;

    /// <inheritdoc/>
    public override int WordWidth => (int)Words.Width;

    /// <inheritdoc/>
    public override int LayerCount => Sizes.LayerCount;

    /// <inheritdoc/>
    public override int HeadCount => Sizes.HeadCount;

    /// <inheritdoc/>
    public override int MaxTokens => Sizes.PositionCount;

    /// <inheritdoc/>
    public override int VocabularySize => Sizes.VocabularySize;

    /// <summary>Whether the checkpoint was saved with a head that classifies whole sequences.</summary>
    public bool HasClassificationHead => Sizes.HasClassificationHead;

    /// <summary>Whether the head reads the mean of the token vectors, and not what becomes of the first token's.</summary>
    public virtual bool HeadReadsMean => !HasClassificationHead;

    /// <summary>The classification head that fits: the checkpoint's own where it has one, else a linear map of the mean.</summary>
    public override HeadLayout Head { get; }

    /// <summary>The head of its checkpoints of one kind.</summary>
    /// <param name="kind">What it reads and gives.</param>
    public virtual HeadLayout HeadOf(HeadKind kind) => kind switch
    {
        HeadKind.Tokens => HeadLayout.Linear,
        HeadKind.Spans => HeadLayout.Spans,
        _ => Head,
    };

    /// <inheritdoc/>
    public override IReadOnlyList<string> HeadModules => [.. PeftNames.HeadModules.Union(Head.Modules)];

    /// <summary>The sizes.</summary>
    protected EncoderSizes Sizes { get; }

    private EmbeddingLayer Words => modules().OfType<EmbeddingLayer>().First(layer => layer.Count == VocabularySize);

    /// <inheritdoc/>
    public override Tensor WordVectors(Tensor ids) => Words.Vectors(ids);

    /// <inheritdoc/>
    public override void Prepend(PromptAdapter prompt) => Words.Prepend(prompt);

    /// <summary>Writes one vector of length one for each text into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="pooling">Which vector.</param>
    /// <returns>[N, D], float32.</returns>
    public OnnxValue EmitEmbedding(OnnxGraph graph, EmbeddingPooling pooling)
    {
        var tokens = OnnxTokens.Inputs(graph);
        var hidden = Emit(graph, tokens);
        var pooled = graph.Cast(pooling == EmbeddingPooling.ClassToken ? graph.Select(hidden, 1, 0) : Pooling.EmitMean(graph, hidden, tokens.Mask), OnnxElementType.Float);
        using var scope = graph.Enter("normalize");
        var length = graph.Sqrt(graph.Sum(graph.Mul(pooled, pooled), -1, keep: true)); // [N, 1]
        return graph.Div(pooled, graph.Clip(length, graph.Scalar(ShortestLength, OnnxElementType.Float), graph.Scalar(float.MaxValue, OnnxElementType.Float)));
    }

    /// <summary>Computes the vector of each token after each layer.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>The embedding's output and each layer's, [N, T, D]; in the caller's dispose scope.</returns>
    public IReadOnlyList<Tensor> HiddenStates(TokenBatch batch) => [.. States(batch).Select(states => states.Apart())];

    /// <summary>Computes the first layers only.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <param name="layers">How many.</param>
    /// <returns>The vector of each token after them, [N, T, D]; in the caller's dispose scope.</returns>
    public Tensor StatesAfter(TokenBatch batch, int layers) => States(batch).ElementAt(layers).Apart();

    /// <summary>Computes the final vector of each token.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>[N, T, D]; in the caller's dispose scope.</returns>
    public virtual Tensor Encode(TokenBatch batch) => States(batch).Last().Apart();

    /// <summary>Computes one vector for each sequence, which the classification head reads.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>[N, D]; in the caller's dispose scope.</returns>
    public Tensor Pool(TokenBatch batch) => HasClassificationHead
        ? PoolForOwnHead(Encode(batch), batch.Mask)
        : Pooling.Mean(Encode(batch), batch.Mask);

    /// <summary>Writes <see cref="Encode"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="tokens">The texts.</param>
    /// <returns>[N, T, D].</returns>
    public abstract OnnxValue Emit(OnnxGraph graph, OnnxTokens tokens);

    /// <summary>Writes <see cref="Pool"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="tokens">The texts.</param>
    /// <returns>[N, D].</returns>
    public OnnxValue EmitPool(OnnxGraph graph, OnnxTokens tokens) => HasClassificationHead
        ? EmitPoolForOwnHead(graph, Emit(graph, tokens), tokens.Mask)
        : Pooling.EmitMean(graph, Emit(graph, tokens), tokens.Mask);

    /// <summary>Computes the vector of each token after each layer, each when it is asked for.</summary>
    /// <param name="batch">Padded token ids.</param>
    /// <returns>The embedding's output and each layer's; where the batch has the output of the first layers, from that on.</returns>
    protected abstract IEnumerable<LayerStates> States(TokenBatch batch);

    /// <summary>Computes what the checkpoint's own classification head reads: the first token's vector, unless overridden.</summary>
    /// <param name="hidden">The final vectors, [N, T, D].</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T].</param>
    /// <returns>[N, D]; in the caller's dispose scope.</returns>
    protected virtual Tensor PoolForOwnHead(Tensor hidden, Tensor mask) => hidden.select(1, 0);

    /// <summary>Writes <see cref="PoolForOwnHead"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="hidden">The final vectors, [N, T, D].</param>
    /// <param name="mask">1 for tokens and 0 for padding, [N, T], int64.</param>
    /// <returns>[N, D].</returns>
    protected virtual OnnxValue EmitPoolForOwnHead(OnnxGraph graph, OnnxValue hidden, OnnxValue mask) => graph.Select(hidden, 1, 0);
}
