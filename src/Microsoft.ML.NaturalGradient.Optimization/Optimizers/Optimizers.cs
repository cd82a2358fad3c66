namespace Microsoft.ML.NaturalGradient;

/// <summary>The optimizers with their default settings; meant for <c>using static</c>.</summary>
/// <example><code>optimizer: Ief with { Damping = 1e-2 }</code></example>
public static class Optimizers
{
    /// <summary>Improved empirical Fisher: the recommended optimizer; its default learning rate was used unchanged on every task in docs/benchmarks.md.</summary>
    public static IefOptions Ief { get; } = new();

    /// <summary>Empirical Fisher, for comparison.</summary>
    public static EfOptions Ef { get; } = new();

    /// <summary>Sampled Fisher, for comparison.</summary>
    public static SfOptions Sf { get; } = new();

    /// <summary>Adam with decoupled weight decay: the usual baseline.</summary>
    public static AdamWOptions AdamW { get; } = new();

    /// <summary>Stochastic gradient descent.</summary>
    public static SgdOptions Sgd { get; } = new();

    /// <summary>Adafactor: adaptive steps with a factored second moment, for little memory; by default it sets its own step size.</summary>
    public static AdafactorOptions Adafactor { get; } = new();

    /// <summary>FAdam: Adam read as a natural gradient with a diagonal empirical Fisher.</summary>
    public static FAdamOptions FAdam { get; } = new();

    /// <summary>RMSProp without the square root.</summary>
    public static RootFreeRmsPropOptions RootFreeRmsProp { get; } = new();

    /// <summary>AdamW without the square root.</summary>
    public static RootFreeAdamWOptions RootFreeAdamW { get; } = new();

    /// <summary>Inverse-free, root-free Shampoo: a Kronecker factor for each axis of each parameter.</summary>
    public static SirfShampooOptions SirfShampoo { get; } = new();

    /// <summary>KFAC: Kronecker-factored blocks of the Fisher matrix, from labels drawn from the model.</summary>
    public static KfacOptions Kfac { get; } = new();

    /// <summary>eKFAC: Kronecker-factored blocks of the empirical Fisher matrix, for comparison.</summary>
    public static EkfacOptions Ekfac { get; } = new();

    /// <summary>ieKFAC: Kronecker-factored blocks of the improved empirical Fisher matrix.</summary>
    public static IekfacOptions Iekfac { get; } = new();

    /// <summary>AdaFisher: momentum divided by a diagonal Fisher matrix from the inputs and errors of each layer.</summary>
    public static AdaFisherOptions AdaFisher { get; } = new();

    /// <summary>AdaFisher with decoupled weight decay.</summary>
    public static AdaFisherOptions AdaFisherW { get; } = new() { DecoupledWeightDecay = true, WeightDecay = 1e-2 };

    /// <summary>Exact natural gradient in sample space: the yardstick, for few classes.</summary>
    public static NgOptions Ng { get; } = new();

    /// <summary>Exact natural gradient by conjugate gradients, for any number of classes.</summary>
    public static HessianFreeOptions HessianFree { get; } = new();

    /// <summary>Adam's direction with a step length and a damping that adapt themselves.</summary>
    public static AdamQlrOptions AdamQlr { get; } = new();
}
