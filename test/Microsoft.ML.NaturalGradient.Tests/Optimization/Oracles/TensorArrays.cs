using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>Tensors as nested arrays, for oracles made of plain loops.</summary>
internal static class TensorArrays
{
    public static double[] ToArray1(this Tensor tensor) => tensor.detach().to(ScalarType.Float64).contiguous().data<double>().ToArray();

    public static double[][] ToArray2(this Tensor tensor) => [.. Enumerable.Range(0, (int)tensor.shape[0]).Select(i => tensor[i].ToArray1())];

    public static double[][][] ToArray3(this Tensor tensor) => [.. Enumerable.Range(0, (int)tensor.shape[0]).Select(i => tensor[i].ToArray2())];
}
