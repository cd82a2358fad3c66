namespace Microsoft.ML.NaturalGradient.Tests.Oracles;

/// <summary>The corrected AdaFisher of one linear layer, number by number: factors from every batch, momentum, division.</summary>
/// <param name="decay">γ of the factors.</param>
/// <param name="momentum">β.</param>
/// <param name="damping">λ.</param>
internal sealed class NaiveAdaFisher(double decay, double momentum, double damping)
{
    private double[]? _inputs;
    private double[]? _errors;
    private double[,]? _mean;
    private int _steps;

    /// <summary>Computes what η multiplies in this step.</summary>
    /// <param name="inputs">ā, [N][I], with the 1 of the bias.</param>
    /// <param name="errors">e of the mean loss, [N][O].</param>
    /// <param name="weights">θ with the bias as the last column, [O][I].</param>
    /// <param name="weightDecay">κ, through the gradient.</param>
    /// <returns>[O, I].</returns>
    public double[,] Step(double[][] inputs, double[][] errors, double[][] weights, double weightDecay)
    {
        var (width, height) = (inputs[0].Length, errors[0].Length);
        _inputs ??= new double[width];
        _errors ??= new double[height];
        _mean ??= new double[height, width];
        _steps++;
        Average(_inputs, inputs);
        Average(_errors, errors);
        var correction = 1 - Math.Pow(decay, _steps);
        var direction = new double[height, width];
        for (var o = 0; o < height; o++)
        {
            for (var i = 0; i < width; i++)
            {
                var gradient = Enumerable.Range(0, inputs.Length).Sum(n => errors[n][o] * inputs[n][i]) + (weightDecay * weights[o][i]);
                _mean[o, i] = (momentum * _mean[o, i]) + ((1 - momentum) * gradient);
                var fisher = (_errors[o] / correction * (_inputs[i] / correction)) + damping;
                direction[o, i] = _mean[o, i] / (1 - Math.Pow(momentum, _steps)) / fisher;
            }
        }

        return direction;
    }

    private void Average(double[] average, double[][] rows)
    {
        var squares = Enumerable.Range(0, average.Length).Select(i => rows.Sum(row => row[i] * row[i]) / rows.Length).ToArray();
        var floor = 1e-6 * squares.Max();
        for (var i = 0; i < average.Length; i++)
        {
            var normalised = (squares[i] - squares.Min() + floor) / (squares.Max() - squares.Min() + floor);
            average[i] = (decay * average[i]) + ((1 - decay) * normalised);
        }
    }
}
