namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>A method for one parameter, written as its paper writes it, with loops over numbers.</summary>
internal interface INaiveOptimizer
{
    /// <param name="weights">θ, row-major; changed.</param>
    /// <param name="gradient">g of the mean loss.</param>
    /// <param name="samples">Samples B of that mean.</param>
    /// <param name="learningRate">η.</param>
    void Step(double[] weights, double[] gradient, int samples, double learningRate);
}
