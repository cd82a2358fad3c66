using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Checks parameters that a caller gives.</summary>
internal static class ParameterCheck
{
    /// <summary>The parameters of a network that require gradients.</summary>
    public static IEnumerable<NamedParameter> Trainable(nn.Module network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.named_parameters().Where(named => named.parameter.requires_grad).Select(named => new NamedParameter(named.name, named.parameter));
    }

    /// <summary>Calls parameters by their number.</summary>
    public static IEnumerable<NamedParameter> Numbered(IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return parameters.Select((parameter, i) => new NamedParameter(i.ToString(CultureInfo.InvariantCulture), parameter));
    }

    /// <summary>Takes the parameters without repetitions: a tied weight, which modules may list once for each use, is trained once. Those without a number, such as [0, 4], are left out.</summary>
    /// <exception cref="ArgumentException">There is none, or one cannot be trained.</exception>
    public static ParameterSet Distinct(IEnumerable<NamedParameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        var distinct = new List<NamedParameter>();
        foreach (var (name, parameter) in parameters)
        {
            var description = $"Parameter {name}";
            if (parameter is null || parameter.IsInvalid)
            {
                throw new ArgumentException($"{description} is null or disposed.", nameof(parameters));
            }

            if (!is_floating_point(parameter.dtype) || !parameter.requires_grad || !parameter.is_leaf)
            {
                throw new ArgumentException(
                    $"{description}, {MessageText.Shape(parameter.shape)} of {parameter.dtype}, cannot be trained: it is frozen or no floating-point leaf of the graph. "
                    + "Leave it out or set requires_grad.",
                    nameof(parameters));
            }

            if (parameter.numel() > 0 && !distinct.Exists(other => IsSame(other.Value, parameter)))
            {
                distinct.Add(new NamedParameter(name, parameter));
            }
        }

        return new ParameterSet(distinct);
    }

    /// <summary>Throws unless every parameter is still one that can be trained: layers that record would move a frozen one all the same.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <exception cref="InvalidOperationException">One has been frozen, or disposed, as a module does with one that is replaced.</exception>
    public static void StillTrainable(ParameterSet parameters)
    {
        if (parameters.FirstOrDefault(parameter => parameter.IsInvalid || !parameter.requires_grad) is { } changed)
        {
            throw new InvalidOperationException(
                $"Parameter {parameters.NameOf(changed)} has been {(changed.IsInvalid ? "disposed or replaced" : "frozen")} since this object was made for it. Make a new one for the parameters "
                + $"that are to be trained now{(changed.IsInvalid ? "" : ", or set requires_grad again")}.");
        }
    }

    /// <summary>Throws unless every parameter takes part in the output; costs a backward pass, and keeps the graph.</summary>
    /// <param name="logits">The output.</param>
    /// <param name="parameters">The parameters, whose own gradients are set aside.</param>
    /// <exception cref="InvalidOperationException">One does not.</exception>
    public static void Reached(Tensor logits, ParameterSet parameters)
    {
        using var scope = NewDisposeScope();
        autograd.backward([logits], [ones_like(logits)], true, false, [.. parameters]);
        var missing = parameters.Where(parameter => parameter.grad is null).Select(parameter => $"{parameters.NameOf(parameter)} {MessageText.Shape(parameter.shape)}").ToList();
        foreach (var parameter in parameters)
        {
            parameter.grad = null;
        }

        if (missing.Count > 0)
        {
            throw new InvalidOperationException(
                $"{missing.Count} of {parameters.Count} parameters do not take part in the output of the forward pass: "
                + $"{string.Join(", ", missing)}. Leave them out.");
        }
    }

    /// <summary>Whether two wrappers are of one tensor: a tied weight has several, which TorchSharp cannot tell, but they lie in the same place.</summary>
    public static bool IsSame(Parameter a, Parameter b) =>
        a.Handle == b.Handle
        || (a.dtype == b.dtype && a.shape.AsSpan().SequenceEqual(b.shape) && a.storage_offset() == b.storage_offset() && (Address(a) == Address(b) || AreSame16Bits(a, b)));

    private static IntPtr Address(Parameter parameter) => parameter.dtype switch
    {
        _ when parameter.numel() == 0 => parameter.Handle,
        ScalarType.Float64 => parameter.storage<double>().data_ptr(),
        ScalarType.Float32 => parameter.storage<float>().data_ptr(),
        _ => parameter.Handle,
    };

    // TorchSharp has no storage of such numbers, but shows their bytes on the CPU.
    private static bool AreSame16Bits(Parameter a, Parameter b) =>
        a.ElementSize == sizeof(short) && a.numel() > 0 && IsShown(a) && IsShown(b) && Unsafe.AreSame(ref a.bytes[0], ref b.bytes[0]);

    private static bool IsShown(Parameter parameter) => parameter.device_type == DeviceType.CPU && parameter.is_contiguous();
}
