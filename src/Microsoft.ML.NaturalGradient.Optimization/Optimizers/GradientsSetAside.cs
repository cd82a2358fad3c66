using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Takes away the gradients that a caller's parameters hold, which a backward pass would add to, until it is disposed.</summary>
internal sealed class GradientsSetAside : IDisposable
{
    private readonly (Parameter Parameter, Tensor? Gradient)[] _held;

    /// <summary>Takes the gradients away.</summary>
    /// <param name="parameters">The parameters; owned by the caller.</param>
    /// <exception cref="InvalidOperationException">The caller has frozen or disposed one.</exception>
    public GradientsSetAside(ParameterSet parameters)
    {
        ParameterCheck.StillTrainable(parameters);
        _held = [.. parameters.Select(parameter => (parameter, parameter.grad?.DetachFromDisposeScope()))];
        Array.ForEach(_held, held => held.Parameter.grad = null);
    }

    /// <summary>Gives the gradients back.</summary>
    public void Dispose()
    {
        foreach (var (parameter, gradient) in _held)
        {
            parameter.grad = gradient;
            gradient?.Dispose();
        }
    }
}
