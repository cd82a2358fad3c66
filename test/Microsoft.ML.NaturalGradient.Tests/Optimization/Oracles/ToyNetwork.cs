using System.Text.Json;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Linear(3,4), tanh, Linear(4,3): the network of mlp_toy.json, recorded on the current tape.</summary>
internal sealed class ToyNetwork
{
    private readonly JsonElement _fixture = Fixture.Read("spec/mlp_toy.json");

    public ToyNetwork()
    {
        Parameters = [.. new[] { "W1", "b1", "W2", "b2" }.Select(name => nn.Parameter(_fixture.GetProperty(name).ToTensor()))];
        Inputs = _fixture.GetProperty("X").ToTensor();
        Labels = _fixture.GetProperty("Y").ToTensor().to(ScalarType.Int64);
    }

    public Parameter[] Parameters { get; }

    public Tensor Inputs { get; }

    public Tensor Labels { get; }

    public JsonElement Reference(string name) => _fixture.GetProperty(name);

    public Tensor Flat() => cat([.. Parameters.Select(parameter => parameter.detach().flatten())]);

    public Tensor Forward() => Forward(Inputs);

    public Tensor Forward(Tensor inputs)
    {
        var hidden = tanh(Linear(inputs, Parameters[0], Parameters[1]));
        return Linear(hidden, Parameters[2], Parameters[3]);
    }

    /// <summary>The same network of TorchSharp's own layers, which record nothing.</summary>
    public Sequential OfTorchSharp()
    {
        var (first, second) = (nn.Linear(3, 4, dtype: ScalarType.Float64), nn.Linear(4, 3, dtype: ScalarType.Float64));
        var network = nn.Sequential(("first", first), ("tanh", nn.Tanh()), ("second", second));
        using var noGrad = no_grad();
        foreach (var (source, target) in Parameters.Zip([first.weight, first.bias!, second.weight, second.bias!]))
        {
            target.copy_(source);
        }

        return network;
    }

    /// <summary>A linear layer that records itself on the current tape.</summary>
    public static Tensor Linear(Tensor input, Parameter weight, Parameter bias)
    {
        var output = nn.functional.linear(input, weight, bias);
        return GradientTape.Current is { } tape
            ? tape.Record(output, new LinearWeightUse(weight, input), new BiasUse(bias))
            : output;
    }
}
