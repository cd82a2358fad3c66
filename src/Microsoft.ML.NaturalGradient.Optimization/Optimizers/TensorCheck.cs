using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Checks tensors that a caller hands in, before native code sees them.</summary>
internal static class TensorCheck
{
    /// <summary>Throws unless a tensor has a shape, floating-point numbers, and a device.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="shape">The shape it has to have.</param>
    /// <param name="like">A tensor on the device where it has to be.</param>
    /// <param name="name">What it is called.</param>
    public static void Fits(Tensor tensor, long[] shape, Tensor like, string name)
    {
        Require(tensor is not null && !tensor.IsInvalid, name, $"{name} is null or disposed.");
        Require(
            tensor!.shape.AsSpan().SequenceEqual(shape), name, $"{name} has the shape {MessageText.Shape(tensor.shape)}, but {MessageText.Shape(shape)} is needed.");
        Require(is_floating_point(tensor.dtype), name, $"{name} has the type {tensor.dtype}. Convert it to floating-point numbers.");
        Require(
            tensor.device_type == like.device_type && tensor.device_index == like.device_index, name,
            $"{name} is on {tensor.device}. Move it to {like.device}.");
    }

    /// <summary>Throws unless there is one fitting tensor for each parameter.</summary>
    public static void LikeParameters(IReadOnlyList<Tensor> tensors, IReadOnlyList<Parameter> parameters, string name)
    {
        Require(tensors is not null, name, $"{name} is null.");
        Require(
            tensors!.Count == parameters.Count, name, $"{name} has {tensors.Count} tensors, but there are {parameters.Count} parameters. Give one for each.");
        for (var i = 0; i < parameters.Count; i++)
        {
            Fits(tensors[i], parameters[i].shape, parameters[i], FormattableString.Invariant($"{name}[{i}]"));
        }
    }

    /// <summary>Throws an <see cref="ArgumentException"/> about one argument unless it holds.</summary>
    public static void Require(bool holds, string name, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message, name);
        }
    }
}
