using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Makes the parameters of layers.</summary>
internal static class NewParameter
{
    private const double MostElements = 1L << 44; // far beyond any memory, and still far from what libtorch's sizes overflow at

    [ThreadStatic]
    private static int? _left; // how many parameters may still be made without memory; null where they have memory

    /// <summary>Makes a parameter that no dispose scope owns: TorchSharp would let the caller's scope free it under the module.</summary>
    /// <param name="initialValue">Makes the initial value.</param>
    /// <returns>The parameter; owned by the module that registers it.</returns>
    public static Parameter Of(Func<Tensor> initialValue)
    {
        using var scope = NewDisposeScope();
        var parameter = nn.Parameter(initialValue());
        parameter.DetachFromDisposeScope();
        return parameter;
    }

    /// <summary>Makes a parameter of zeros, to be filled from a checkpoint.</summary>
    /// <inheritdoc cref="Of"/>
    /// <param name="shape">Its shape, as a configuration gives it.</param>
    /// <exception cref="InvalidDataException">No tensor can have this shape.</exception>
    public static Parameter Zeros(params long[] shape) => Filled(shape, withOnes: false);

    /// <summary>Makes a parameter of ones, to be filled from a checkpoint.</summary>
    /// <inheritdoc cref="Zeros"/>
    public static Parameter Ones(params long[] shape) => Filled(shape, withOnes: true);

    /// <summary>Makes modules whose parameters have shapes but no memory, to compare them with a file before memory is taken for them.</summary>
    /// <param name="create">Makes the modules, on this thread.</param>
    /// <param name="most">Most parameters that can fit the file.</param>
    /// <returns>The modules.</returns>
    /// <exception cref="InvalidDataException">There are more parameters, or a shape that no tensor can have.</exception>
    public static T WithoutMemory<T>(Func<T> create, int most)
    {
        _left = most;
        try
        {
            return create();
        }
        finally
        {
            _left = null;
        }
    }

    /// <summary>Makes zeros that are never trained, to be filled from a checkpoint.</summary>
    /// <param name="shape">Its shape, as a configuration gives it.</param>
    /// <returns>The tensor; owned by the module that registers it.</returns>
    /// <exception cref="InvalidDataException">No tensor can have this shape.</exception>
    public static Tensor Buffer(params long[] shape) => (_left is null ? zeros(Checked(shape)) : empty(Checked(shape), device: META)).DetachFromDisposeScope();

    private static Parameter Filled(long[] shape, bool withOnes)
    {
        _ = Checked(shape);
        if (_left is not { } left)
        {
            return Of(() => withOnes ? ones(shape) : zeros(shape));
        }

        _left = left > 0 ? left - 1 : throw new InvalidDataException(
            "The configuration asks for many more tensors than the weights have. Check that its number of layers belongs to them.");
        return Of(() => empty(shape, device: META));
    }

    private static long[] Checked(long[] shape) =>
        shape.All(dimension => dimension >= 0) && shape.Aggregate(1.0, (product, dimension) => product * dimension) <= MostElements
            ? shape
            : throw new InvalidDataException(
                $"The configuration asks for a tensor of shape {MessageText.Shape(shape)}, which is not possible. Fetch the model's files again.");
}
