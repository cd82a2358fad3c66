using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A text encoder with a head that reads each token: logits for classes of tokens, or for where a span begins and ends.</summary>
internal sealed class TokenClassifier : TextNetwork
{
    private readonly int _promptLength;

    [ComponentName(Name = "encoder")]
    private readonly TextEncoder _encoder;

    [ComponentName(Name = "head")]
    private readonly ClassificationHead _head;

    /// <summary>Creates a network whose encoder is frozen but for what the adapter trains.</summary>
    /// <param name="encoder">The encoder; owned by this object from now on.</param>
    /// <param name="outputs">Classes K of a token; 2 for spans.</param>
    /// <param name="kind">Whether the outputs are a distribution over K classes for each token, or two distributions over the tokens.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <param name="seed">Seed of the head's and the adapter's initial values and of dropout.</param>
    /// <param name="headWeights">The checkpoint's own head, as a safetensors file; null for a fresh head.</param>
    /// <exception cref="InvalidDataException"><paramref name="headWeights"/> does not fit the architecture.</exception>
    public TokenClassifier(TextEncoder encoder, int outputs, HeadKind kind, AdapterOptions adapter, long seed, byte[]? headWeights = null)
        : base(nameof(TokenClassifier), seed)
    {
        (_encoder, HeadKind) = (encoder, kind);
        _head = new ClassificationHead(encoder.HeadOf(kind), encoder.HiddenSize, outputs, Generator);
        Freeze(encoder);
        if (headWeights is not null)
        {
            using var file = SafetensorsFile.FromMemory(headWeights, "The head of the checkpoint");
            _head.Load(file);
        }

        _promptLength = adapter.PromptLength;
        adapter.Attach(encoder, Generator);
        RegisterComponents();
        adapter.Restore(this);
    }

    /// <inheritdoc/>
    public override PretrainedNetwork Base => _encoder;

    /// <inheritdoc/>
    /// <remarks>The head reads all tokens, so that what is kept is the vectors of all of them.</remarks>
    public override int FrozenLayers => Math.Min(CountFrozenLayers(), _encoder.LayerCount);

    /// <inheritdoc/>
    public override HeadKind HeadKind { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> HeadModules => _encoder.HeadOf(HeadKind).Modules;

    /// <inheritdoc/>
    public override bool IsHead(NamedParameter named) => named.Name != PromptAdapter.CheckpointName
        && !named.Name.StartsWith(_encoder.Prefix + ".", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override IBatchSource ForTraining(IBatchSource rows) => rows;

    /// <inheritdoc/>
    public override Tensor FrozenOutput(ModelInput input, int layers) => _encoder.StatesAfter((TokenBatch)input, layers);

    /// <inheritdoc/>
    public override Tensor Forward(ModelInput input)
    {
        var outputs = Outputs((TokenBatch)input); // [N, T, K]
        return HeadKind == HeadKind.Spans ? outputs.transpose(1, 2) : outputs;
    }

    /// <inheritdoc/>
    public override Tensor Outputs(TokenBatch batch)
    {
        var states = _encoder.Encode(_promptLength > 0 ? batch.WithPrompt(_promptLength) : batch); // [N, P + T, D]
        return _head.call(_promptLength > 0 ? states.narrow(1, _promptLength, batch.Ids.shape[1]) : states); // [N, T, K]
    }

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxPictureSize? pictures)
    {
        var states = _encoder.Emit(graph, OnnxTokens.Inputs(graph).WithPrompt(graph, _promptLength)); // [N, P + T, D]
        return _head.Emit(graph, _promptLength > 0 ? graph.Slice(states, 1, _promptLength) : states); // [N, T, K]
    }

    /// <inheritdoc/>
    protected override IEnumerable<NamedParameter> Named() => ParameterNames.Of(_encoder, _encoder.Prefix).Concat(_head.Named);
}
