using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>An activation function.</summary>
internal sealed class Activation
{
    private static readonly Dictionary<string, Activation> Known = new(StringComparer.Ordinal)
    {
        ["gelu"] = new(x => nn.functional.gelu(x), OnnxLayers.Gelu),
        ["gelu_new"] = new(x => nn.functional.gelu(x, approximate: GELU.Approximate.tanh), OnnxLayers.TanhGelu),
        ["gelu_pytorch_tanh"] = new(x => nn.functional.gelu(x, approximate: GELU.Approximate.tanh), OnnxLayers.TanhGelu),
        ["relu"] = new(x => nn.functional.relu(x), OnnxArithmetic.Relu),
        ["silu"] = new(x => nn.functional.silu(x), OnnxLayers.Silu),
        ["swish"] = new(x => nn.functional.silu(x), OnnxLayers.Silu),
        ["tanh"] = new(x => x.tanh(), OnnxArithmetic.Tanh),
    };

    private Activation(Func<Tensor, Tensor> apply, Func<OnnxGraph, OnnxValue, OnnxValue> emit)
    {
        Apply = apply;
        Emit = emit;
    }

    /// <summary>Computes it.</summary>
    public Func<Tensor, Tensor> Apply { get; }

    /// <summary>Writes it into a graph.</summary>
    public Func<OnnxGraph, OnnxValue, OnnxValue> Emit { get; }

    /// <summary>Looks up one of those that checkpoints name in <c>hidden_act</c>.</summary>
    /// <param name="name">Name as in a configuration.</param>
    /// <returns>The function.</returns>
    /// <exception cref="NotSupportedException">The name is not known; the message lists the known ones.</exception>
    public static Activation Named(string name) => Known.TryGetValue(name, out var function)
        ? function
        : throw new NotSupportedException(
            $"The activation function '{name}' of the model's configuration is not supported. Known are: {string.Join(", ", Known.Keys)}.");
}
