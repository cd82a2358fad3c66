using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The per-sample gradients J [N, P] of one batch, by what methods ask of them.</summary>
internal interface IPerSampleGradients : IDisposable
{
    /// <summary>Samples N.</summary>
    long SampleCount { get; }

    /// <summary>The parameters that they are the gradients of.</summary>
    IEnumerable<Parameter> Parameters { get; }

    /// <summary>Computes the inner products between the rows of several of one batch.</summary>
    /// <param name="rows">K times J_k, [N, P], all of them made in the same way.</param>
    /// <param name="isDamped">
    /// Whether a thousandth of the mean diagonal or more is added to the diagonal, so that a float32 model's inner products may be added up in float32 within
    /// parts of some thousand numbers, which changes them by some millionths of the diagonal.
    /// </param>
    /// <returns>[K·N, K·N], float64, rows of the first first; owned by the caller.</returns>
    static Tensor JointGram(IReadOnlyList<IPerSampleGradients> rows, bool isDamped = false) => rows[0] switch
    {
        CapturedGradients => CapturedGradients.JointGram([.. rows.Cast<CapturedGradients>()], isDamped),
        RecomputedGradients => RecomputedGradients.JointGram([.. rows.Cast<RecomputedGradients>()]),
        _ => ShardedGradients.JointGram([.. rows.Cast<ShardedGradients>()], isDamped),
    };

    /// <summary>Computes the Gram matrix C = J Jᵀ.</summary>
    /// <param name="isDamped">As in <see cref="JointGram"/>.</param>
    /// <returns>C, [N, N], float64; owned by the caller.</returns>
    Tensor Gram(bool isDamped = false) => JointGram([this], isDamped);

    /// <summary>Computes the part of one parameter in the Gram matrix.</summary>
    /// <param name="parameter">A member of <see cref="Parameters"/>.</param>
    /// <returns>[N, N], float64; owned by the caller.</returns>
    Tensor GramOf(Parameter parameter);

    /// <summary>Computes Jᵀ w, parameter by parameter.</summary>
    /// <param name="weights">One weight per sample, [N]; converted to the model's type.</param>
    /// <returns>One tensor shaped like each parameter, by parameter; owned by the caller.</returns>
    ParameterVector Combine(Tensor weights);

    /// <summary>Computes J v: each sample's inner product with a direction.</summary>
    /// <param name="direction">One tensor shaped like each parameter.</param>
    /// <returns>[N], float64; owned by the caller.</returns>
    Tensor Dot(ParameterVector direction);
}
