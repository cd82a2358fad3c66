using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>A low-rank addition to a linear layer: y = Wx + b + (α/r)·B·A·x with A [r, I] and B [O, r].</summary>
/// <remarks>
/// Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, eq. (3). A starts uniform in ±1/√I, B at zero, so
/// that training starts at the pretrained function. The scale is applied between the two maps, where the tensor is smallest.
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

    /// <summary>Creates an adapter for a layer of a given size.</summary>
    /// <param name="inputSize">Input width I.</param>
    /// <param name="outputSize">Output width O.</param>
    /// <param name="options">Rank, scale and dropout.</param>
    /// <param name="generator">Source of A and of dropout masks; kept, owned by the caller.</param>
    public LoraAdapter(long inputSize, long outputSize, LoraOptions options, Generator generator)
        : base(nameof(LoraAdapter))
    {
        _scale = options.Alpha / options.Rank;
        _dropout = options.Dropout;
        _generator = generator;
        var bound = 1 / Math.Sqrt(inputSize);
        _down = NewParameter.Of(() => empty(options.Rank, inputSize).uniform_(-bound, bound, generator));
        _up = NewParameter.Of(() => zeros(outputSize, options.Rank));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Suffix, Parameter Value)> Weights =>
        [("lora_A.weight", _down), ("lora_B.weight", _up)];

    /// <inheritdoc/>
    public override Tensor Apply(Tensor input, Tensor output)
    {
        var kept = training && _dropout > 0 ? Drop(input) : input;
        var low = nn.functional.linear(kept, _down); // [N, ..., r]
        if (GradientTape.Current is not { } tape)
        {
            return output.Plus(nn.functional.linear(low.Times(_scale), _up));
        }

        low = tape.Record(low, new LinearWeightUse(_down, kept)).Times(_scale);
        var change = nn.functional.linear(low, _up); // [N, ..., O]
        return output.Plus(tape.Record(change, new LinearWeightUse(_up, low)));
    }

    private Tensor Drop(Tensor input)
    {
        // Drawn on the CPU, where the generator lives, so that every device drops the same entries.
        var mask = empty(input.shape, dtype: input.dtype).bernoulli_(1 - _dropout, _generator).to(input.device);
        return input.mul(mask.Times(1 / (1 - _dropout)));
    }
}
