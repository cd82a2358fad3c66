using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>One tensor for each of some parameters, shaped like it: a direction, a gradient, a moment.</summary>
internal sealed class ParameterVector
{
    private readonly Dictionary<Parameter, Tensor> _parts = new(SameParameter.Comparer);

    /// <summary>Puts tensors to parameters.</summary>
    /// <param name="parameters">The parameters, each once.</param>
    /// <param name="parts">A tensor for each, in their order; they stay the caller's.</param>
    public ParameterVector(IEnumerable<Parameter> parameters, IEnumerable<Tensor> parts)
    {
        foreach (var (parameter, part) in parameters.Zip(parts))
        {
            _parts.Add(parameter, part);
        }
    }

    /// <summary>The tensor of a parameter.</summary>
    /// <param name="parameter">The parameter.</param>
    public Tensor this[Parameter parameter]
    {
        get => _parts[parameter];
        set => _parts[parameter] = value;
    }

    /// <summary>The parameters, in the order in which they were given.</summary>
    public IEnumerable<Parameter> Parameters => _parts.Keys;

    /// <summary>The tensors in that order.</summary>
    public IEnumerable<Tensor> Parts => _parts.Values;

    /// <summary>Whether there is a tensor for a parameter.</summary>
    public bool Contains(Parameter parameter) => _parts.ContainsKey(parameter);

    /// <summary>The tensors of some parameters, in their order.</summary>
    public Tensor[] Of(IEnumerable<Parameter> parameters) => [.. parameters.Select(parameter => _parts[parameter])];

    /// <summary>Makes a vector of what each tensor is turned into.</summary>
    public ParameterVector Map(Func<Parameter, Tensor, Tensor> turn) => new(Parameters, [.. _parts.Select(part => turn(part.Key, part.Value))]);

    /// <summary>Moves all tensors to the dispose scope around the current one.</summary>
    /// <returns>This object.</returns>
    public ParameterVector MoveToOuterDisposeScope()
    {
        foreach (var part in Parts)
        {
            part.MoveToOuterDisposeScope();
        }

        return this;
    }
}
