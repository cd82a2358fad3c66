using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Turns pictures into special tokens and patches with positions.</summary>
/// <remarks>Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", ICLR 2021, eq. (1).</remarks>
internal sealed class ImageEmbeddings : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    private readonly int _gridSize;

    [ComponentName(Name = "cls_token")]
    private readonly Parameter _classToken; // [1, 1, D]

    [ComponentName(Name = "distillation_token")]
    private readonly Parameter? _distillationToken; // [1, 1, D]

    // Stands for patches hidden in pretraining; a buffer, since nothing that classifies reads or trains it.
    [ComponentName(Name = "mask_token")]
    private readonly Tensor? _maskToken; // [1, D]

    [ComponentName(Name = "position_embeddings")]
    private readonly Parameter _positions; // [1, S + g², D]

    [ComponentName(Name = "patch_embeddings")]
    private readonly PatchEmbeddings _patches;

    /// <summary>Creates the embeddings with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="sizes">The encoder's sizes.</param>
    /// <param name="hasDistillationToken">Whether a second special token follows the class token.</param>
    /// <param name="keepsMaskToken">Whether the mask token of a checkpoint is kept, without use.</param>
    public ImageEmbeddings(ImageEncoderSizes sizes, bool hasDistillationToken = false, bool keepsMaskToken = false)
        : base(nameof(ImageEmbeddings))
    {
        var width = sizes.HiddenSize;
        _gridSize = sizes.GridSize;
        SpecialCount = hasDistillationToken ? 2 : 1;
        _classToken = NewParameter.Zeros(1, 1, width);
        _distillationToken = hasDistillationToken ? NewParameter.Zeros(1, 1, width) : null;
        _maskToken = keepsMaskToken ? NewParameter.Buffer(1, width) : null;
        _positions = NewParameter.Zeros(1, SpecialCount + ((long)_gridSize * _gridSize), width);
        _patches = new PatchEmbeddings(sizes);
        RegisterComponents();
    }

    /// <summary>Special tokens S before the patches.</summary>
    public int SpecialCount { get; }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The pictures' size does not fit the patches.</exception>
    public override Tensor forward(Tensor pixels) // [N, 3, H, W] -> [N, S + patches, D]
    {
        var patches = _patches.call(pixels); // [N, D, rows, columns]
        var (samples, rows, columns) = (patches.shape[0], patches.shape[2], patches.shape[3]);
        var parts = new List<Tensor> { ForEach(_classToken, samples) };
        if (_distillationToken is not null)
        {
            parts.Add(ForEach(_distillationToken, samples));
        }

        parts.Add(patches.flatten(2).transpose(1, 2));
        return cat(parts, 1).Plus(Positions(samples, rows, columns));
    }

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input) // [N, 3, H, W] -> [N, S + patches, D]
    {
        using var scope = graph.Enter(this);
        var patches = _patches.Emit(graph, input); // [N, D, rows, columns]
        var (width, rows, columns) = (patches.Shape[1].Value, patches.Shape[2].Value, patches.Shape[3].Value);
        var flat = graph.Transpose(graph.Reshape(patches, patches.Shape[0], width, rows * columns), 0, 2, 1);
        var special = graph.Weight(
            "special_tokens", () => _distillationToken is null ? _classToken : cat([_classToken, _distillationToken], 1), 1, SpecialCount, width);
        var positions = graph.Weight("position_embeddings", () => PositionsFor(rows, columns), 1, SpecialCount + (rows * columns), width);
        return graph.Add(graph.Concat(1, graph.ExpandRows(special, flat), flat), positions);
    }

    private Tensor PositionsFor(long rows, long columns) =>
        rows == _gridSize && columns == _gridSize ? _positions : PositionGrid.Resize(_positions, SpecialCount, rows, columns);

    private Tensor Positions(long samples, long rows, long columns) // [N or 1, S + rows · columns, D]
    {
        if (rows == _gridSize && columns == _gridSize)
        {
            return ForEach(_positions, samples);
        }

        var resized = PositionGrid.Resize(_positions, SpecialCount, rows, columns);
        return GradientTape.Current is { } tape && _positions.requires_grad
            ? tape.Record(
                resized.expand(samples, -1, -1), new MappedBroadcastUse(_positions, PositionGrid.Map(_positions, SpecialCount, rows, columns)))
            : resized;
    }

    private static Tensor ForEach(Parameter value, long samples) // [1, T, D] -> [N, T, D]
    {
        var expanded = value.expand(samples, -1, -1);
        return GradientTape.Current is { } tape && value.requires_grad ? tape.Record(expanded, new BroadcastUse(value)) : expanded;
    }

    private sealed class PatchEmbeddings : nn.Module<Tensor, Tensor>, IOnnxLayer
    {
        [ComponentName(Name = "projection")]
        private readonly PatchProjection _projection;

        public PatchEmbeddings(ImageEncoderSizes sizes)
            : base(nameof(PatchEmbeddings))
        {
            _projection = new PatchProjection(sizes.PatchSize, sizes.HiddenSize);
            RegisterComponents();
        }

        public override Tensor forward(Tensor pixels) => _projection.call(pixels);

        public OnnxValue Emit(OnnxGraph graph, OnnxValue input) => _projection.Emit(graph, input);
    }
}
