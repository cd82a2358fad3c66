using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A text encoder with a classification head: one logit per class.</summary>
internal sealed class TextClassifier : TextNetwork
{
    private readonly int _promptLength;

    [ComponentName(Name = "encoder")]
    private readonly TextEncoder _encoder;

    [ComponentName(Name = "head")]
    private readonly ClassificationHead _head;

    /// <summary>Creates a classifier whose encoder is frozen but for what the adapter trains.</summary>
    /// <param name="encoder">The encoder; owned by this object from now on.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <param name="seed">Seed of the head's and the adapter's initial values and of dropout.</param>
    /// <param name="headWeights">The checkpoint's own head, as a safetensors file; null for a fresh head.</param>
    /// <exception cref="InvalidDataException"><paramref name="headWeights"/> does not fit the architecture.</exception>
    public TextClassifier(TextEncoder encoder, int classCount, AdapterOptions adapter, long seed, byte[]? headWeights = null)
        : base(nameof(TextClassifier), seed)
    {
        _encoder = encoder;
        _head = new ClassificationHead(encoder.Head, encoder.HiddenSize, classCount, Generator);
        Freeze(encoder);
        if (headWeights is not null)
        {
            using var file = SafetensorsFile.FromMemory(headWeights, "The classification head of the checkpoint");
            HasTrainedOutputs = _head.Load(file);
        }

        _promptLength = adapter.PromptLength;
        adapter.Attach(encoder, Generator);
        RegisterComponents();
        HasTrainedOutputs |= adapter.Restore(this);
    }

    /// <summary>The encoder.</summary>
    public TextEncoder Encoder => _encoder;

    /// <inheritdoc/>
    public override PretrainedNetwork Base => _encoder;

    /// <summary>Whether the last layers of the head are those of the checkpoint or the adapter, not random ones.</summary>
    public bool HasTrainedOutputs { get; }

    /// <summary>Changes the head so that every output z becomes scale · z + shift.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="shift">The shift.</param>
    public void RescaleOutputs(double scale, double shift) => _head.RescaleOutputs(scale, shift);

    /// <inheritdoc/>
    public override bool IsHead(NamedParameter named) => named.Name != PromptAdapter.CheckpointName
        && !named.Name.StartsWith(_encoder.Prefix + ".", StringComparison.Ordinal);

    /// <inheritdoc/>
    public override IBatchSource ForTraining(IBatchSource rows) => rows;

    /// <inheritdoc/>
    public override LinearLayer? LinearHead => _head.Linear;

    /// <inheritdoc/>
    public override IEnumerable<Tensor> OutputParameters => _head.OutputParameters;

    /// <inheritdoc/>
    public override int FrozenLayers => CountFrozenLayers();

    /// <inheritdoc/>
    public override Tensor FrozenOutput(ModelInput input, int layers) =>
        layers > _encoder.LayerCount ? _encoder.Pool((TokenBatch)input) : _encoder.StatesAfter((TokenBatch)input, layers);

    /// <inheritdoc/>
    public override Tensor Forward(ModelInput input) => input is PooledBatch pooled ? _head.call(pooled.Vectors) : Outputs((TokenBatch)input); // [N, C]

    /// <inheritdoc/>
    public override Tensor Outputs(TokenBatch batch) =>
        _head.call(_encoder.Pool(_promptLength > 0 ? batch.WithPrompt(_promptLength) : batch)); // [N, C]

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxPictureSize? pictures) =>
        _head.Emit(graph, _encoder.EmitPool(graph, OnnxTokens.Inputs(graph).WithPrompt(graph, _promptLength)));

    /// <inheritdoc/>
    protected override IEnumerable<NamedParameter> Named() => ParameterNames.Of(_encoder, _encoder.Prefix).Concat(_head.Named);
}
