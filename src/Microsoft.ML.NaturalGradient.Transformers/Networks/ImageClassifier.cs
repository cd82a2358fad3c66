using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>An image encoder with a classification head: one logit per class.</summary>
internal sealed class ImageClassifier : AdaptedNetwork
{
    [ComponentName(Name = "encoder")]
    private readonly ImageEncoder _encoder;

    [ComponentName(Name = "head")]
    private readonly ClassificationHead _head;

    /// <summary>Creates a classifier whose encoder is frozen but for what the adapter trains.</summary>
    /// <param name="encoder">The encoder; owned by this object from now on.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <param name="seed">Seed of the head's and the adapter's initial values and of dropout.</param>
    /// <param name="headWeights">The checkpoint's own head, as a safetensors file; null for a fresh head.</param>
    /// <exception cref="ArgumentException">The adapter does not fit the encoder.</exception>
    /// <exception cref="InvalidDataException"><paramref name="headWeights"/> or the adapter does not fit the architecture.</exception>
    public ImageClassifier(ImageEncoder encoder, int classCount, AdapterOptions adapter, long seed, byte[]? headWeights = null)
        : base(nameof(ImageClassifier), seed)
    {
        _encoder = encoder;
        _head = new ClassificationHead(encoder.Head, encoder.HeadInputSize, classCount, Generator);
        Freeze(encoder);
        if (headWeights is not null)
        {
            using var file = SafetensorsFile.FromMemory(headWeights, "The classification head of the checkpoint");
            _head.Load(file);
        }

        adapter.Attach(encoder, Generator);
        RegisterComponents();
        adapter.Restore(this);
    }

    /// <summary>Creates a ViT with random weights, all of which are trained.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <returns>The classifier; owned by the caller.</returns>
    public static ImageClassifier FromScratch(ViTConfig config, int classCount, long seed)
    {
        // Another stream than that of the head, whose numbers would repeat those of the encoder.
        using var generator = new Generator((ulong)~seed, CPU);
        var encoder = new ViTEncoder(config);
        RandomWeights.FillTransformer(encoder, generator);
        return new ImageClassifier(encoder, classCount, new FullFineTuningOptions(), seed);
    }

    /// <summary>The encoder.</summary>
    public ImageEncoder Encoder => _encoder;

    /// <inheritdoc/>
    public override PretrainedNetwork Base => _encoder;

    /// <inheritdoc/>
    public override LinearLayer? LinearHead => _head.Linear;

    /// <inheritdoc/>
    public override IEnumerable<Tensor> OutputParameters => _head.OutputParameters;

    /// <inheritdoc/>
    public override int FrozenLayers => CountFrozenLayers();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The pictures' size does not fit the encoder's patches.</exception>
    public override Tensor FrozenOutput(ModelInput input, int layers) =>
        layers > _encoder.LayerCount ? _encoder.Pool((PixelBatch)input) : _encoder.StatesAfter((PixelBatch)input, layers);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The pictures' size does not fit the encoder's patches.</exception>
    public override Tensor Forward(ModelInput input) => _head.call(input is PooledBatch pooled ? pooled.Vectors : _encoder.Pool((PixelBatch)input)); // [N, C]

    /// <inheritdoc/>
    public override OnnxValue Emit(OnnxGraph graph, OnnxPictureSize? pictures)
    {
        var size = pictures ?? new OnnxPictureSize(_encoder.ImageSize, _encoder.ImageSize);
        var pixels = graph.Input(OnnxPictureSize.InputName, OnnxElementType.Float, OnnxTokens.Batch, 3, size.Height, size.Width);
        return _head.Emit(graph, _encoder.EmitPool(graph, graph.Cast(pixels, graph.FloatType)));
    }

    /// <inheritdoc/>
    public override bool IsHead(NamedParameter named) => !named.Name.StartsWith(_encoder.Prefix + ".", StringComparison.Ordinal);

    /// <inheritdoc/>
    protected override IEnumerable<NamedParameter> Named() => ParameterNames.Of(_encoder, _encoder.Prefix).Concat(_head.Named);
}
