using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Checks parameters that a caller gives.</summary>
internal static class ParameterCheck
{
    /// <summary>The parameters of a network that require gradients.</summary>
    public static IEnumerable<Parameter> Trainable(nn.Module network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.parameters().Where(parameter => parameter.requires_grad);
    }

    /// <summary>Takes the parameters without repetitions: a tied weight, which modules may list once for each use, is trained once.</summary>
    /// <exception cref="ArgumentException">There is none, or one cannot be trained.</exception>
    public static Parameter[] Distinct(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var distinct = new List<Parameter>();
        foreach (var parameter in parameters)
        {
            var description = $"Parameter {distinct.Count}";
            if (parameter is null || parameter.IsInvalid)
            {
                throw new ArgumentException($"{description} is null or disposed.", nameof(parameters));
            }

            if (!is_floating_point(parameter.dtype) || !parameter.requires_grad || !parameter.is_leaf)
            {
                throw new ArgumentException(
                    $"{description}, {Shape(parameter)} of {parameter.dtype}, cannot be trained: it is frozen or no floating-point leaf of the graph. "
                    + "Leave it out or set requires_grad.",
                    nameof(parameters));
            }

            if (!distinct.Exists(other => IsSame(other, parameter)))
            {
                distinct.Add(parameter);
            }
        }

        return distinct.Count > 0
            ? [.. distinct]
            : throw new ArgumentException("There is nothing to train: the list of parameters is empty.", nameof(parameters));
    }

    /// <summary>Throws unless every parameter takes part in the output; costs a backward pass, and keeps the graph.</summary>
    /// <param name="logits">The output.</param>
    /// <param name="parameters">The parameters, whose own gradients are set aside.</param>
    /// <exception cref="InvalidOperationException">One does not.</exception>
    public static void Reached(Tensor logits, IReadOnlyList<Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        autograd.backward([logits], [ones_like(logits)], true, false, [.. parameters]);
        var missing = parameters.Index().Where(pair => pair.Item.grad is null).Select(pair => $"{pair.Index} {Shape(pair.Item)}").ToList();
        foreach (var parameter in parameters)
        {
            parameter.grad = null;
        }

        if (missing.Count > 0)
        {
            throw new InvalidOperationException(
                $"{missing.Count} of {parameters.Count} parameters do not take part in the output of the forward pass: "
                + $"number {string.Join(", ", missing)}. Leave them out.");
        }
    }

    /// <summary>Whether two wrappers are of one tensor: a tied weight has several, which TorchSharp cannot tell, but they lie in the same place.</summary>
    public static bool IsSame(Parameter a, Parameter b) =>
        a.Handle == b.Handle
        || (a.dtype == b.dtype && a.shape.AsSpan().SequenceEqual(b.shape) && a.storage_offset() == b.storage_offset() && Address(a) == Address(b));

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    private static IntPtr Address(Parameter parameter) => parameter.dtype switch
    {
        _ when parameter.numel() == 0 => parameter.Handle,
        ScalarType.Float64 => parameter.storage<double>().data_ptr(),
        ScalarType.Float32 => parameter.storage<float>().data_ptr(),
        _ => parameter.Handle,
    };
}
