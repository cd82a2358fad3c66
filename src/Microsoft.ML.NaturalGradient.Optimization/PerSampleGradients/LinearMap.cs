using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The weight and bias of one linear map (a linear layer, or a convolution over its patches), with what went in and out: its gradient is Σ e āᵀ, ā = [a; 1].</summary>
/// <remarks>A map without a trained bias has ā = a, a bias without a trained weight ā = 1. A map used twice has the positions of both uses.</remarks>
internal sealed class LinearMap
{
    private readonly List<(Tensor Inputs, Tensor Errors)> _pairs = []; // [N, T, I], [N, T, O]

    private LinearMap(Parameter? weight, Parameter? bias)
    {
        Weight = weight;
        Bias = bias;
    }

    /// <summary>The weight W, [O, ...]; null where it is not trained.</summary>
    public Parameter? Weight { get; }

    /// <summary>The bias b, [O]; null where it is not trained or does not exist.</summary>
    public Parameter? Bias { get; }

    /// <summary>The parameters: the weight first.</summary>
    public IEnumerable<Parameter> Parameters => new[] { Weight, Bias }.OfType<Parameter>();

    /// <summary>Finds the linear maps among what a forward pass recorded.</summary>
    /// <param name="captured">The capture; its tensors are used as long as the maps are.</param>
    /// <returns>The maps whose parameters have no other use, in the order of the records.</returns>
    public static IReadOnlyList<LinearMap> Find(CapturedGradients captured)
    {
        var maps = new List<LinearMap>();
        var others = new HashSet<Parameter>(SameParameter.Comparer);
        foreach (var (uses, error) in captured.Records)
        {
            var pairs = uses.Select(use => (Use: use, Pair: use.LinearPair(error))).ToList();
            var weights = pairs.Where(pair => pair.Pair is { Inputs: var inputs } && inputs.shape[2] > 0).ToList();
            var biases = pairs.Where(pair => pair.Pair is { Inputs: var inputs } && inputs.shape[2] == 0).ToList();
            if (weights.Count + biases.Count < pairs.Count || weights.Count > 1 || biases.Count > 1)
            {
                others.UnionWith(uses.Select(use => use.Parameter));
                continue;
            }

            var (weight, bias) = (weights.FirstOrDefault().Use?.Parameter, biases.FirstOrDefault().Use?.Parameter);
            if (maps.Find(known => ReferenceEquals(known.Weight, weight) && ReferenceEquals(known.Bias, bias)) is not { } map)
            {
                map = new LinearMap(weight, bias);
                maps.Add(map);
            }

            map._pairs.Add(weights.Concat(biases).First().Pair!.Value);
        }

        var owners = maps.SelectMany(map => map.Parameters).CountBy(parameter => parameter, SameParameter.Comparer)
            .ToDictionary(SameParameter.Comparer);
        return [.. maps.Where(map => map.Parameters.All(parameter => !others.Contains(parameter) && owners[parameter] == 1))];
    }

    /// <summary>Gives ā and e as rows.</summary>
    /// <param name="reduce">Whether a sample's positions become one row, the mean of ā and the sum of e, instead of a row each.</param>
    /// <returns>ā, [R, I + 1 with a bias], and e, [R, O], with R = N·T or N; in the caller's dispose scope.</returns>
    public (Tensor Inputs, Tensor Errors) Rows(bool reduce)
    {
        var inputs = cat([.. _pairs.Select(pair => pair.Inputs)], 1); // [N, T, I]
        var errors = cat([.. _pairs.Select(pair => pair.Errors)], 1); // [N, T, O]
        (inputs, errors) = reduce ? (inputs.mean([1L]), errors.sum(1)) : (inputs.flatten(0, 1), errors.flatten(0, 1));
        return (Bias is null ? inputs : cat([inputs, ones_like(errors.narrow(1, 0, 1))], 1), errors);
    }

    /// <summary>Puts what belongs to weight and bias side by side.</summary>
    /// <param name="weight">The weight's part, or null.</param>
    /// <param name="bias">The bias's part, or null.</param>
    /// <returns>[O, I + 1 with a bias]; in the caller's dispose scope.</returns>
    public static Tensor Join(Tensor? weight, Tensor? bias) =>
        cat([.. new[] { weight?.flatten(1), bias?.unsqueeze(1) }.OfType<Tensor>()], 1);
}
