using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>The activation functions that checkpoints name in <c>hidden_act</c>.</summary>
internal static class Activation
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Known = new(StringComparer.Ordinal)
    {
        ["gelu"] = x => nn.functional.gelu(x),
        ["gelu_new"] = x => nn.functional.gelu(x, approximate: GELU.Approximate.tanh),
        ["gelu_pytorch_tanh"] = x => nn.functional.gelu(x, approximate: GELU.Approximate.tanh),
        ["relu"] = x => nn.functional.relu(x),
        ["silu"] = x => nn.functional.silu(x),
        ["swish"] = x => nn.functional.silu(x),
        ["tanh"] = x => x.tanh(),
    };

    /// <summary>Looks a function up by its name.</summary>
    /// <param name="name">Name as in a configuration.</param>
    /// <returns>The function.</returns>
    /// <exception cref="NotSupportedException">The name is not known; the message lists the known ones.</exception>
    public static Func<Tensor, Tensor> Named(string name) => Known.TryGetValue(name, out var function)
        ? function
        : throw new NotSupportedException(
            $"The activation function '{name}' of the model's configuration is not supported. Known are: {string.Join(", ", Known.Keys)}.");
}
