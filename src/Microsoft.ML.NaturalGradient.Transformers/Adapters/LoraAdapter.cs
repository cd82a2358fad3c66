using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>A low-rank addition to a linear layer: y = Wx + b + s·B·A·x with A [r, I], B [O, r] and s = α/r or, rank-stabilised, α/√r.</summary>
/// <remarks>
/// Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, eq. (3). A starts uniform in ±1/√I, B at zero, so
/// that training starts at the pretrained function. The scale is applied between the two maps, where the tensor is smallest.
/// With a magnitude vector m [O] it is DoRA: y = (m / ‖W + s·B·A‖) ∘ (Wx + s·B·A·x) + b, the norm taken of each row. Liu et al.,
/// "DoRA: Weight-Decomposed Low-Rank Adaptation", ICML 2024, eq. (5); m starts at the row norms of W. The norm counts as a constant in the
/// gradient (section 4.3 there), as PEFT does, so that the per-sample gradients of m, A and B are those of a scale and two linear maps.
/// </remarks>
internal sealed class LoraAdapter : LinearAdapter
{
    private readonly double _scale;
    private readonly double _dropout;
    private readonly Generator _generator;

    [ComponentName(Name = "lora_A")]
    private readonly Parameter _down; // A, [r, I]

    [ComponentName(Name = "lora_B")]
    private readonly Parameter _up; // B, [O, r]

    [ComponentName(Name = "lora_magnitude_vector")]
    private readonly Parameter? _magnitude; // m, [O]

    /// <summary>Creates an adapter for a layer.</summary>
    /// <param name="layer">The layer, with its pretrained weight; not kept.</param>
    /// <param name="rank">Rank r.</param>
    /// <param name="alpha">Numerator α of the scale.</param>
    /// <param name="options">Kind and dropout.</param>
    /// <param name="generator">Source of A and of dropout masks; kept, owned by the caller.</param>
    public LoraAdapter(LinearLayer layer, int rank, double alpha, LoraOptions options, Generator generator)
        : base(nameof(LoraAdapter))
    {
        _scale = alpha / (options.UseRsLoRA ? Math.Sqrt(rank) : rank);
        _dropout = options.Dropout;
        _generator = generator;
        var bound = 1 / Math.Sqrt(layer.InputSize);
        _down = NewParameter.Of(() => empty(rank, layer.InputSize).uniform_(-bound, bound, generator));
        _up = NewParameter.Zeros(layer.OutputSize, rank);
        _magnitude = options.UseDoRA ? NewParameter.Of(() => RowNorms(layer.OwnWeight.detach())) : null;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Suffix, Parameter Value)> Weights => _magnitude is null
        ? [("lora_A.weight", _down), ("lora_B.weight", _up)]
        : [("lora_A.weight", _down), ("lora_B.weight", _up), ("lora_magnitude_vector", _magnitude)];

    /// <inheritdoc/>
    public override Tensor Apply(LinearLayer layer, Tensor input)
    {
        var kept = training && _dropout > 0 ? Drop(input) : input;
        if (_magnitude is null)
        {
            return layer.Map(input).Plus(Change(kept));
        }

        var plain = layer.MapWithoutBias(kept); // [N, ..., O]
        var norms = RowNorms(AddedTo(layer.OwnWeight)); // [O]
        var direction = plain.Plus(Change(kept)).div(norms);
        var scaled = direction.mul(_magnitude);
        if (GradientTape.Current is { } tape)
        {
            scaled = tape.Record(scaled, new ScaleUse(_magnitude, direction));
        }

        if (!ReferenceEquals(kept, input))
        {
            // Dropout acts on what is added to the pretrained output, which itself sees the whole input.
            scaled = scaled.Plus(layer.MapWithoutBias(input).Minus(plain));
        }

        return layer.AddBias(scaled);
    }

    /// <inheritdoc/>
    public override Tensor Merged(Tensor weight)
    {
        using var noGrad = no_grad();
        var sum = AddedTo(weight); // [O, I]
        return _magnitude is null ? sum : sum.mul(_magnitude.div(RowNorms(sum)).unsqueeze(1));
    }

    private static Tensor RowNorms(Tensor weight) => weight.Square().sum(1).sqrt(); // [O]

    // s·B·A·x, [N, ..., O].
    private Tensor Change(Tensor input)
    {
        var low = nn.functional.linear(input, _down); // [N, ..., r]
        if (GradientTape.Current is not { } tape)
        {
            return nn.functional.linear(low.Times(_scale), _up);
        }

        low = tape.Record(low, new LinearWeightUse(_down, input)).Times(_scale);
        return tape.Record(nn.functional.linear(low, _up), new LinearWeightUse(_up, low));
    }

    // W + s·B·A outside the graph, [O, I].
    private Tensor AddedTo(Tensor weight) => weight.detach().Plus(_up.detach().mm(_down.detach()).Times(_scale));

    private Tensor Drop(Tensor input)
    {
        // Drawn on the CPU, where the generator lives, so that every device drops the same entries; for padding too, so that others draw the same.
        var packed = PackedRows.Current;
        var mask = RowWindow.Draw(packed?.ShapeApart(input.shape) ?? input.shape, shape => empty(shape, dtype: input.dtype).bernoulli_(1 - _dropout, _generator)).to(input.device);
        mask = packed?.Pack(mask) ?? mask;
        return input.mul(mask.Times(1 / (1 - _dropout)));
    }
}
