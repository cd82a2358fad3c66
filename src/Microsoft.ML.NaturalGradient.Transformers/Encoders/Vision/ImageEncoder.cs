using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A pretrained network that turns pictures into vectors, one per patch and special token. One file per architecture derives from this.</summary>
internal abstract class ImageEncoder : PretrainedNetwork
{
    private readonly ImageEncoderSizes _sizes;

    [ComponentName(Name = "embeddings")]
    private readonly ImageEmbeddings _embeddings;

    [ComponentName(Name = "encoder")]
    private readonly ImageLayers _layers;

    [ComponentName(Name = "layernorm")]
    private readonly NormalizationLayer _norm;

    /// <summary>Makes and registers the parts, which all architectures have under the same names.</summary>
    /// <param name="architecture">The architecture.</param>
    /// <param name="sizes">The sizes.</param>
    /// <param name="embeddings">Turns pictures into tokens; owned by this object from now on.</param>
    /// <param name="createLayer">Makes a layer.</param>
    /// <param name="head">The classification head, of the checkpoint or fresh; null for the architecture's.</param>
    private protected ImageEncoder(
        Architecture architecture, ImageEncoderSizes sizes, ImageEmbeddings embeddings, Func<nn.Module<Tensor, Tensor>> createLayer, HeadLayout? head = null)
        : base(architecture)
    {
        _sizes = sizes;
        Head = head ?? architecture.Head;
        _embeddings = embeddings;
        _layers = new ImageLayers(Enumerable.Range(0, sizes.LayerCount).Select(_ => createLayer()));
        _norm = new NormalizationLayer(sizes.HiddenSize, sizes.LayerNormEpsilon);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int HiddenSize => _sizes.HiddenSize;

    /// <inheritdoc/>
    public override int LayerCount => _sizes.LayerCount;

    /// <inheritdoc/>
    public override int HeadCount => _sizes.HeadCount;

    /// <inheritdoc/>
    /// <remarks>Positions are resized to any number of patches.</remarks>
    public override int MaxTokens => int.MaxValue;

    /// <inheritdoc/>
    public override int VocabularySize => 0;

    /// <inheritdoc/>
    public override string PythonClass =>
        Architecture.ClassName + (Head.SecondOutput is null ? ImageEncoderSizes.ClassifierSuffix : ImageEncoderSizes.TeacherSuffix);

    /// <inheritdoc/>
    public override IReadOnlyList<string> HeadModules => Head.Modules;

    /// <summary>Whether the checkpoint was saved with a head that classifies whole pictures.</summary>
    public bool HasClassificationHead => _sizes.HasClassificationHead;

    /// <summary>The classification head that fits: the checkpoint's own where it has one, else a linear map.</summary>
    public override HeadLayout Head { get; }

    /// <summary>Width and height of the pictures that the checkpoint was trained on.</summary>
    public int ImageSize => _sizes.ImageSize;

    /// <summary>Width and height of a patch; those of a picture are multiples of it.</summary>
    public int PatchSize => _sizes.PatchSize;

    /// <summary>Width of the vector that each output layer of the head reads.</summary>
    public virtual int HeadInputSize => HiddenSize;

    /// <inheritdoc/>
    public override Tensor WordVectors(Tensor ids) => throw NoTexts();

    /// <inheritdoc/>
    public override void Prepend(PromptAdapter prompt) => throw NoTexts();

    /// <summary>Computes the vectors of tokens and patches after each layer, before the last normalisation.</summary>
    /// <param name="batch">Pictures of one size.</param>
    /// <returns>The embedding's output and each layer's, [N, T, D]; in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The pictures' size does not fit the patches.</exception>
    public IReadOnlyList<Tensor> HiddenStates(PixelBatch batch) => [.. States(batch)];

    /// <summary>Computes the first layers only.</summary>
    /// <param name="batch">Pictures of one size.</param>
    /// <param name="layers">How many.</param>
    /// <returns>The vectors of tokens and patches after them, [N, T, D]; in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The pictures' size does not fit the patches.</exception>
    public Tensor StatesAfter(PixelBatch batch, int layers) => States(batch).ElementAt(layers);

    /// <summary>Computes the final vectors of tokens and patches.</summary>
    /// <param name="batch">Pictures of one size.</param>
    /// <returns>[N, T, D]; in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The pictures' size does not fit the patches.</exception>
    public Tensor Encode(PixelBatch batch) => _norm.call(States(batch).Last());

    /// <summary>Computes one vector for each picture, which the classification head reads: the class token's, unless overridden.</summary>
    /// <param name="batch">Pictures of one size.</param>
    /// <returns>[N, D]; in the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">The pictures' size does not fit the patches.</exception>
    public virtual Tensor Pool(PixelBatch batch) => Encode(batch).select(1, 0);

    /// <summary>Writes <see cref="Encode"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="pixels">Pictures, [N, 3, H, W].</param>
    /// <returns>[N, T, D].</returns>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue pixels) => _norm.Emit(graph, _layers.Emit(graph, _embeddings.Emit(graph, pixels)));

    /// <summary>Writes <see cref="Pool"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="pixels">Pictures, [N, 3, H, W].</param>
    /// <returns>[N, D], or twice as wide where the head reads two vectors.</returns>
    public virtual OnnxValue EmitPool(OnnxGraph graph, OnnxValue pixels) => graph.Select(Emit(graph, pixels), 1, 0);

    private IEnumerable<Tensor> States(PixelBatch batch) => _layers.States(batch.Frozen?.States ?? _embeddings.call(batch.Pixels), batch.Frozen);

    private NotSupportedException NoTexts() => new($"The architecture '{Prefix}' reads pictures and has no words.");
}
