using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Empirical Fisher (EF) natural gradient, exact on each batch; for comparison with iEF.</summary>
/// <remarks>
/// Wu et al., NeurIPS 2024, eq. (4) and section 4. As in the paper the update has unit length, so the learning rate is the length of a
/// step in parameter space: 0.03 for LoRA (docs/replication.md, E2). EF is known to distort the update towards converged samples.
/// </remarks>
public sealed record EfOptions : EmpiricalFisherOptions
{
    /// <summary>Creates the default settings: learning rate 0.03, unit-length updates, linear decay, relative damping 0.01.</summary>
    public EfOptions()
    {
        Damping = 1e-2;
        NormalizeUpdate = true;
    }

    /// <summary>Whether to solve the paper's equation (4) as written: <see cref="NaturalGradientOptions.Damping"/> absolute, every row kept.</summary>
    /// <value>The default is <see langword="false"/>: damping relative to the mean diagonal.</value>
    public bool AbsoluteDamping { get; init; }

    /// <inheritdoc/>
    internal override bool IsDamped => !AbsoluteDamping && base.IsDamped;

    internal override string Name => "EF";

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) =>
        new EmpiricalFisher(parameters, this);

    private protected override double FixedLearningRate(int classCount) => 0.03;
}
