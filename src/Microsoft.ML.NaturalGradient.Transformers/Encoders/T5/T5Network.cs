using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.T5;

/// <summary>The T5 encoder-decoder, version 1.0 (ReLU, head tied to the embedding) and 1.1 (gated GELU, head of its own).</summary>
/// <remarks>
/// Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", JMLR 2020, section 2.1; Shazeer,
/// "GLU Variants Improve Transformer", 2020, for the gate. No map has a bias, and what a layer reads is normalised before it.
/// </remarks>
internal sealed class T5Network : PretrainedNetwork
{
    [ComponentName(Name = "shared")]
    private readonly SharedEmbedding _shared;

    [ComponentName(Name = "encoder")]
    private readonly Stack _encoder;

    [ComponentName(Name = "decoder")]
    private readonly Stack _decoder;

    [ComponentName(Name = "lm_head")]
    private readonly LinearLayer? _head;

    /// <summary>Creates the network with empty weights, to be filled from a checkpoint.</summary>
    public T5Network(T5Config config)
        : base(Descriptor)
    {
        Config = config;
        _shared = new SharedEmbedding(config.VocabularySize, config.HiddenSize);
        _encoder = new Stack(config, isDecoder: false);
        _decoder = new Stack(config, isDecoder: true);
        _head = config.IsTied ? null : new LinearLayer(config.HiddenSize, config.VocabularySize, bias: false);
        RegisterComponents();
    }

    /// <summary>The architecture.</summary>
    public static Architecture Descriptor { get; } = new()
    {
        ModelType = "t5",
        ClassName = "T5",
        Prefix = "",
        Kind = ArchitectureKind.TextToText,
        DefaultTargets = ["q", "v"],
        PreprocessorClass = "T5Tokenizer",
        TakesTypeIds = false,
        Create = config => new T5Network(T5Config.Read(config)),
        CreateFrom = (config, weights, elsewhere) => T5Weights.Load(T5Config.Read(config), weights, elsewhere),
    };

    /// <summary>The sizes and settings.</summary>
    public T5Config Config { get; }

    /// <inheritdoc/>
    public override int HiddenSize => Config.HiddenSize;

    /// <inheritdoc/>
    public override int LayerCount => Config.EncoderLayerCount;

    /// <inheritdoc/>
    public override int HeadCount => Config.HeadCount;

    /// <inheritdoc/>
    /// <remarks>Positions are relative, so there is no limit.</remarks>
    public override int MaxTokens => int.MaxValue;

    /// <inheritdoc/>
    public override int VocabularySize => Config.VocabularySize;

    /// <inheritdoc/>
    public override IReadOnlyList<string> HeadModules => [];

    /// <inheritdoc/>
    public override int PromptCopies => 2;

    /// <summary>What stands before every text that the encoder reads; <see langword="null"/> for nothing.</summary>
    public PromptAdapter? Prompt { get; private set; }

    /// <inheritdoc/>
    public override Tensor WordVectors(Tensor ids) => _shared.Vectors(ids);

    /// <inheritdoc/>
    public override void Prepend(PromptAdapter prompt)
    {
        Prompt = prompt;
        register_module("prompt", prompt);
    }

    /// <summary>Looks up the vectors of tokens, which both stacks read.</summary>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <returns>[N, T, D]; in the caller's dispose scope.</returns>
    public Tensor Embed(Tensor ids) => _shared.LookUp(ids);

    /// <summary>Hides padding from attention.</summary>
    /// <param name="batch">The encoder's batch.</param>
    /// <returns>0 for tokens and the lowest number for padding, [N, 1, 1, S]; null when no row is padded.</returns>
    public Tensor? Mask(TokenBatch batch) => AttentionMask.Padding(batch, parameters().First().dtype);

    /// <summary>Computes the vectors that the decoder attends to.</summary>
    /// <param name="embedded">From <see cref="Embed"/>, [N, S, D].</param>
    /// <param name="mask">From <see cref="Mask"/>.</param>
    /// <param name="packed">How the rows are to lie that layers read; null where each is on its own.</param>
    /// <returns>The input and each layer's output, the last one normalised; in the caller's dispose scope.</returns>
    public IReadOnlyList<LayerStates> Encode(Tensor embedded, Tensor? mask, PackedRows? packed = null) => _encoder.States(embedded, mask, null, null, packed);

    /// <summary>Computes the vectors that the head reads.</summary>
    /// <param name="embedded">Embedded decoder ids, [N·g, T, D]: g rows in turn for each row of the encoder.</param>
    /// <param name="memory">The encoder's last output, [N, S, D].</param>
    /// <param name="memoryMask">From <see cref="Mask"/>.</param>
    /// <returns>The input and each layer's output, the last one normalised, [N·g, T, D]; in the caller's dispose scope.</returns>
    public IReadOnlyList<Tensor> Decode(Tensor embedded, Tensor memory, Tensor? memoryMask) =>
    [
        .. _decoder.States(embedded, AttentionMask.Causal(embedded.shape[1], embedded.dtype, embedded.device), memory, memoryMask, null)
            .Select(states => states.Vectors),
    ];

    /// <summary>Computes the logits of the next token.</summary>
    /// <param name="hidden">The decoder's last output, [N, ..., D].</param>
    /// <returns>[N, ..., V]; in the caller's dispose scope.</returns>
    public Tensor Logits(Tensor hidden)
    {
        var scaled = Config.ScalesOutput ? hidden.Times(1 / Math.Sqrt(Config.HiddenSize)) : hidden;
        return _head is null ? _shared.Logits(scaled) : _head.call(scaled);
    }

    /// <summary>Writes <see cref="Embed"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="ids">Token ids, [N, T].</param>
    /// <returns>[N, T, D].</returns>
    public OnnxValue EmitEmbed(OnnxGraph graph, OnnxValue ids) => _shared.EmitLookUp(graph, ids);

    /// <summary>Writes <see cref="Encode"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="embedded">[N, S, D].</param>
    /// <param name="mask">Hides padding, [N, 1, 1, S].</param>
    /// <returns>The last output, [N, S, D].</returns>
    public OnnxValue EmitEncode(OnnxGraph graph, OnnxValue embedded, OnnxValue mask) => _encoder.Emit(graph, embedded, mask, null, null, 1);

    /// <summary>Writes <see cref="Decode"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="embedded">Embedded decoder ids, [N, g·T, D]: g rows side by side for each row of the encoder.</param>
    /// <param name="memory">The encoder's last output, [N, S, D].</param>
    /// <param name="memoryMask">Hides padding, [N, 1, 1, S].</param>
    /// <param name="rows">Rows g of the decoder for each of the encoder.</param>
    /// <returns>The last output, [N, g·T, D].</returns>
    public OnnxValue EmitDecode(OnnxGraph graph, OnnxValue embedded, OnnxValue memory, OnnxValue memoryMask, long rows)
    {
        var tokens = embedded.Shape[1].Value / rows;
        using var scope = graph.Enter(_decoder);
        var causal = graph.Weight("causal_mask", () => ones(tokens, tokens, device: CPU).triu(1).Times(graph.Hidden()), tokens, tokens);
        return _decoder.Emit(graph, embedded, causal, memory, memoryMask, rows);
    }

    /// <summary>Writes <see cref="Logits"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="hidden">[R, D].</param>
    /// <returns>[R, V].</returns>
    public OnnxValue EmitLogits(OnnxGraph graph, OnnxValue hidden)
    {
        var scaled = Config.ScalesOutput ? graph.Mul(hidden, graph.Scalar(1 / Math.Sqrt(Config.HiddenSize))) : hidden;
        return _head is null ? _shared.EmitLogits(graph, scaled) : _head.Emit(graph, scaled);
    }

    /// <summary>The encoder's or the decoder's layers.</summary>
    private sealed class Stack : nn.Module
    {
        [ComponentName(Name = "block")]
        private readonly ModuleList<Block> _blocks;

        [ComponentName(Name = "final_layer_norm")]
        private readonly RootMeanSquareNorm _norm;

        public Stack(T5Config config, bool isDecoder)
            : base(nameof(Stack))
        {
            var count = isDecoder ? config.DecoderLayerCount : config.EncoderLayerCount;
            _blocks = new ModuleList<Block>([.. Enumerable.Range(0, count).Select(index => new Block(
                config, index == 0 ? config.NewPositions(bothWays: !isDecoder) : null, isDecoder))]);
            _norm = config.NewNorm();
            RegisterComponents();
        }

        public List<LayerStates> States(Tensor embedded, Tensor? mask, Tensor? memory, Tensor? memoryMask, PackedRows? packed)
        {
            // The first layer's table serves all layers.
            var bias = _blocks[0].Positions.Bias(embedded.shape[0], embedded.shape[1]);
            bias = mask is null ? bias : bias.Plus(mask);
            var states = LayerStack.States(embedded, null, _blocks, (block, input) => block.Next(input, bias, memory, memoryMask), packed).ToList();
            using (packed?.Enter())
            {
                states[^1] = states[^1] with { Vectors = _norm.call(states[^1].Vectors) };
            }

            return states;
        }

        // Of the decoder, rows that read the same memory lie side by side, and are apart where they attend to themselves.
        public OnnxValue Emit(OnnxGraph graph, OnnxValue embedded, OnnxValue mask, OnnxValue? memory, OnnxValue? memoryMask, long rows)
        {
            using var scope = graph.Enter(this);
            var apart = Apart(graph, embedded, rows);
            var bias = graph.Add(_blocks[0].Positions.Emit(graph, apart), mask);
            return _norm.Emit(graph, _blocks.Aggregate(embedded, (states, block) => block.Emit(graph, states, bias, memory, memoryMask, rows)));
        }
    }

    // [N, g·T, D] -> [N·g, T, D]
    private static OnnxValue Apart(OnnxGraph graph, OnnxValue states, long rows) =>
        rows == 1 ? states : graph.Reshape(states, states.Shape[0] * rows, states.Shape[1].Value / rows, states.Width);

    /// <summary>One layer of a stack: self-attention, in the decoder attention to the encoder, and the feed-forward part.</summary>
    private sealed class Block : nn.Module
    {
        [ComponentName(Name = "layer")]
        private readonly ModuleList<nn.Module> _parts;

        public Block(T5Config config, RelativePositionBias? positions, bool isDecoder)
            : base(nameof(Block))
        {
            var self = new AttentionPart(config, isCross: false, positions);
            var forward = new ForwardPart(config);
            _parts = isDecoder
                ? new ModuleList<nn.Module>(self, new AttentionPart(config, isCross: true, null), forward)
                : new ModuleList<nn.Module>(self, forward);
            RegisterComponents();
        }

        /// <summary>The table of relative positions; in a stack's first layer only.</summary>
        public RelativePositionBias Positions => ((AttentionPart)_parts[0]).Positions!;

        public Tensor Next(Tensor input, Tensor bias, Tensor? memory, Tensor? memoryMask)
        {
            var hidden = ((AttentionPart)_parts[0]).Add(input, null, bias);
            if (memory is not null)
            {
                hidden = ((AttentionPart)_parts[1]).Add(hidden, memory, memoryMask);
            }

            return ((ForwardPart)_parts[^1]).Add(hidden);
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxValue bias, OnnxValue? memory, OnnxValue? memoryMask, long rows)
        {
            var hidden = ((AttentionPart)_parts[0]).Emit(graph, Apart(graph, input, rows), null, bias);
            hidden = graph.Reshape(hidden, [.. input.Shape]);
            if (memory is not null)
            {
                hidden = ((AttentionPart)_parts[1]).Emit(graph, hidden, memory, memoryMask!);
            }

            return ((ForwardPart)_parts[^1]).Emit(graph, hidden);
        }
    }

    private sealed class AttentionPart : nn.Module
    {
        [ComponentName(Name = "SelfAttention")]
        private readonly T5Attention? _self;

        [ComponentName(Name = "EncDecAttention")]
        private readonly T5Attention? _cross;

        [ComponentName(Name = "layer_norm")]
        private readonly RootMeanSquareNorm _norm;

        public AttentionPart(T5Config config, bool isCross, RelativePositionBias? positions)
            : base(nameof(AttentionPart))
        {
            _self = isCross ? null : new T5Attention(config, positions);
            _cross = isCross ? new T5Attention(config, null) : null;
            _norm = config.NewNorm();
            RegisterComponents();
        }

        public RelativePositionBias? Positions => _self?.Positions;

        public Tensor Add(Tensor input, Tensor? memory, Tensor? bias)
        {
            var normalized = _norm.call(input);
            return input.Plus((_self ?? _cross)!.call(normalized, memory ?? normalized, bias));
        }

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxValue? memory, OnnxValue bias)
        {
            using var scope = graph.Enter(this);
            var normalized = _norm.Emit(graph, input);
            return graph.Add(input, (_self ?? _cross)!.Emit(graph, normalized, memory ?? normalized, bias));
        }
    }

    private sealed class ForwardPart : nn.Module
    {
        [ComponentName(Name = "layer_norm")]
        private readonly RootMeanSquareNorm _norm;

        [ComponentName(Name = "DenseReluDense")]
        private readonly T5FeedForward _forward;

        public ForwardPart(T5Config config)
            : base(nameof(ForwardPart))
        {
            _norm = config.NewNorm();
            _forward = new T5FeedForward(config);
            RegisterComponents();
        }

        public Tensor Add(Tensor input) => input.Plus(_forward.call(_norm.call(input)));

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
        {
            using var scope = graph.Enter(this);
            return graph.Add(input, _forward.Emit(graph, _norm.Emit(graph, input)));
        }
    }
}
