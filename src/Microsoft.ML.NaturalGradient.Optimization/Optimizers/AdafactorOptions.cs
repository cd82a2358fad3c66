using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Adafactor: adaptive steps whose second moment is factored into rows and columns, on the mean loss of the batch.</summary>
/// <remarks>
/// Shazeer and Stern, "Adafactor: Adaptive Learning Rates with Sublinear Memory Cost", ICML 2018, algorithms 4 to 6, as Hugging Face
/// Transformers implements it. The baseline for prompt tuning of T5 is <c>Adafactor with { RelativeStep = false, ScaleParameter = false,
/// LearningRate = 0.3, WeightDecay = 1E-5 }</c>.
/// </remarks>
public sealed record AdafactorOptions : MeanGradientOptions
{
    /// <summary>Creates the default settings: relative steps scaled by the parameters, constant schedule, no momentum, no weight decay.</summary>
    public AdafactorOptions()
    {
        Schedule = LearningRateSchedule.Constant;
    }

    /// <summary>Whether step t has the size min(0.01, 1/√t); the learning rate is then a factor on it.</summary>
    /// <value>The default is <see langword="true"/>, with learning rate 1; otherwise the default learning rate is 1E-3.</value>
    public bool RelativeStep { get; init; } = true;

    /// <summary>Whether relative steps begin with 1E-6·t instead of 0.01.</summary>
    /// <value>The default is <see langword="false"/>; needs <see cref="RelativeStep"/>.</value>
    public bool WarmupInit { get; init; }

    /// <summary>Whether the step of a parameter is multiplied by its root mean square, at least <see cref="SmallestScale"/>.</summary>
    /// <value>The default is <see langword="true"/>.</value>
    public bool ScaleParameter { get; init; } = true;

    /// <summary>Smallest scale ε₂ of a parameter.</summary>
    /// <value>Greater than zero. The default is 1E-3.</value>
    public double SmallestScale { get; init; } = 1e-3;

    /// <summary>Exponent c in the decay of the second moment, 1 − t^−c at step t.</summary>
    /// <value>Greater than zero. The default is 0.8.</value>
    public double DecayExponent { get; init; } = 0.8;

    /// <summary>Largest root mean square of the update of a parameter before the step size is applied.</summary>
    /// <value>Greater than zero. The default is 1.</value>
    public double ClipThreshold { get; init; } = 1;

    /// <summary>Decay β₁ of the mean of updates.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0, which keeps no mean.</value>
    public double Beta1 { get; init; }

    /// <summary>Added to squared gradients (ε₁).</summary>
    /// <value>Greater than zero. The default is 1E-30.</value>
    public double Epsilon { get; init; } = 1e-30;

    /// <summary>Decoupled weight decay κ, multiplied by the step size.</summary>
    /// <value>Zero or greater. The default is 0.</value>
    public double WeightDecay { get; init; }

    internal override string Name => "Adafactor";

    internal override void Validate()
    {
        base.Validate();
        CheckPositive(SmallestScale, nameof(SmallestScale));
        CheckPositive(DecayExponent, nameof(DecayExponent));
        CheckPositive(ClipThreshold, nameof(ClipThreshold));
        CheckDecayRate(Beta1, nameof(Beta1));
        CheckPositive(Epsilon, nameof(Epsilon));
        CheckNotNegative(WeightDecay, nameof(WeightDecay));
        Check(RelativeStep || !WarmupInit, nameof(WarmupInit), 1, "It only changes relative steps: set RelativeStep too, or use a Schedule with a warm-up.");
    }

    internal override Optimizer Create(IReadOnlyList<Parameter> parameters, long seed) => new Adafactor(parameters, this);

    private protected override double DefaultLearningRate(int classCount) => RelativeStep ? 1 : 1e-3;
}
