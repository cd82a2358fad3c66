namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>How the summed loss of a batch changes along a direction, to second order with the Fisher matrix as the Hessian.</summary>
/// <param name="Slope">d·g, with g the gradient of the summed loss.</param>
/// <param name="Curvature">dᵀ F d, with F the exact Fisher matrix of the batch.</param>
internal readonly record struct DirectionalDerivatives(double Slope, double Curvature)
{
    /// <summary>γ(d) = √(dᵀFd) / |d·g|, which does not depend on the length of d; smaller is better; NaN where it is not defined.</summary>
    /// <remarks>Wu et al., NeurIPS 2024, section 6 and algorithm 4. The smallest value, 1/√(gᵀF⁺g), is that of the exact natural gradient.</remarks>
    public double Gamma => Curvature > 0 && Slope != 0 ? Math.Sqrt(Curvature) / Math.Abs(Slope) : double.NaN;

    /// <summary>The step η = (d·g)/(dᵀFd) at which the quadratic model of the loss is lowest; NaN where it has no minimum ahead.</summary>
    public double BestStep => Curvature > 0 && Slope > 0 ? Slope / Curvature : double.NaN;
}
