using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Curvature;

/// <summary>Two softmax cross-entropies over the tokens of a text, summed: of where an answer begins and of where it ends.</summary>
/// <remarks>
/// Logits are [N, 2, T]. Labels are [N, 4], int64: the tokens with which the answer begins and ends, the first token that may be part of an answer, and the one after the last. The sequence's first
/// token, which no text has, may always be chosen: it stands for "not here". Other tokens take part in no softmax and have no gradient.
/// </remarks>
internal sealed class SpanCrossEntropy : IObjective
{
    private const double Impossible = -1e30; // finite, so that no product of zero and it is lost

    private readonly SoftmaxCrossEntropy _positions = new();

    /// <inheritdoc/>
    public Tensor Losses(Tensor logits, Tensor labels) => Of(logits, labels, _positions.Losses);

    /// <inheritdoc/>
    public Tensor LogitGradients(Tensor logits, Tensor labels) => Of(logits, labels, _positions.LogitGradients);

    /// <inheritdoc/>
    public Tensor TimesHessian(Tensor logits, Tensor labels, Tensor tangents) =>
        Of(logits, labels, (possible, ends) => _positions.TimesHessian(possible, ends, tangents));

    /// <inheritdoc/>
    public HessianFactor FactorHessian(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _positions.FactorHessian(Possible(logits, labels), Ends(labels));
    }

    /// <inheritdoc/>
    public Tensor SampleLabels(Tensor logits, Tensor labels, Generator generator) => Of(logits, labels, (possible, ends) =>
    {
        using var drawn = _positions.SampleLabels(possible, ends, generator); // [N, 2]
        return cat([drawn, labels.narrow(1, 2, 2)], 1); // [N, 4]
    });

    /// <inheritdoc/>
    public Tensor? FindCorrect(Tensor logits, Tensor labels)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return _positions.FindCorrect(Possible(logits, labels), Ends(labels))?.MoveToOuterDisposeScope();
    }

    private static Tensor Of(Tensor logits, Tensor labels, Func<Tensor, Tensor, Tensor> compute)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return compute(Possible(logits, labels), Ends(labels)).MoveToOuterDisposeScope();
    }

    private static Tensor Ends(Tensor labels) => labels.narrow(1, 0, 2); // [N, 2]

    // Logits of tokens that may be chosen, float64, [N, 2, T].
    private static Tensor Possible(Tensor logits, Tensor labels)
    {
        var tokens = TensorMath.Indices(logits.shape[^1], logits.device).unsqueeze(0); // [1, T]
        var inside = tokens.ge(labels.narrow(1, 2, 1)).logical_and(tokens.lt(labels.narrow(1, 3, 1))); // [N, T]
        var allowed = inside.logical_or(tokens.EqualTo(0)).unsqueeze(1); // [N, 1, T]
        var typed = logits.to(ScalarType.Float64);
        return typed.where(allowed, zeros_like(typed).FilledWith(Impossible));
    }
}
