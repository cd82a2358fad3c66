using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>A tanh network of any widths in float64, recorded on the current tape; weights and inputs are normal, from a seed.</summary>
internal sealed class RandomNetwork : IDisposable
{
    private readonly Generator _generator;

    /// <param name="seed">Decides everything.</param>
    /// <param name="inputShape">Shape of the inputs, [N, ..., I].</param>
    /// <param name="widths">Outputs of each layer.</param>
    public RandomNetwork(long seed, long[] inputShape, params long[] widths)
    {
        _generator = new Generator((ulong)seed);
        Inputs = Normal(inputShape);
        var (all, inputSize) = (new List<Parameter>(), inputShape[^1]);
        foreach (var width in widths)
        {
            all.Add(nn.Parameter(Normal(width, inputSize).div(Math.Sqrt(inputSize))));
            all.Add(nn.Parameter(Normal(width).mul(0.1)));
            inputSize = width;
        }

        Parameters = all;
    }

    public IReadOnlyList<Parameter> Parameters { get; }

    public Tensor Inputs { get; set; }

    public Tensor Flat() => cat([.. Parameters.Select(parameter => parameter.detach().flatten())]);

    public Tensor Normal(params long[] shape) => randn(shape, dtype: ScalarType.Float64, generator: _generator);

    public Tensor Labels(long classes, params long[] shape) => randint(classes, shape, dtype: ScalarType.Int64, generator: _generator);

    public void Dispose() => _generator.Dispose();

    public Tensor Forward()
    {
        var value = Inputs;
        for (var i = 0; i < Parameters.Count; i += 2)
        {
            var output = nn.functional.linear(value, Parameters[i], Parameters[i + 1]);
            output = GradientTape.Current is { } tape
                ? tape.Record(output, new LinearWeightUse(Parameters[i], value), new BiasUse(Parameters[i + 1]))
                : output;
            value = i + 2 < Parameters.Count ? output.tanh() : output;
        }

        return value;
    }
}
