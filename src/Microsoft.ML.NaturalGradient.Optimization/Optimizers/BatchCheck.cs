using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Checks a batch that a caller gives before native code sees it, which may end the process on what does not fit.</summary>
/// <param name="classCount">Classes C; null for regression.</param>
internal sealed class BatchCheck(int? classCount)
{
    private const string Forward = "forward";

    /// <summary>Classes C; null for regression.</summary>
    public int? ClassCount { get; } = classCount;

    /// <summary>Throws unless labels are [N], of the right type and in range.</summary>
    public void Labels(Tensor labels)
    {
        TensorCheck.Require(labels.dim() == 1 && labels.shape[0] > 0, nameof(labels), $"Labels have the shape {MessageText.Shape(labels.shape)}. Give one per sample, [N], and at least one.");
        using var scope = NewDisposeScope();
        if (ClassCount is not { } classes)
        {
            TensorCheck.Require(
                labels.dtype is ScalarType.Float32 or ScalarType.Float64, nameof(labels),
                $"Labels have the type {labels.dtype}. Give numbers in {ScalarType.Float32} or {ScalarType.Float64}.");
            TensorCheck.Require(labels.isfinite().all().item<bool>(), nameof(labels), "A label is not a finite number. Leave its sample out.");
            return;
        }

        TensorCheck.Require(
            labels.dtype == ScalarType.Int64, nameof(labels), $"Labels have the type {labels.dtype}. Give classes in {ScalarType.Int64}.");
        var (smallest, largest) = (labels.min().item<long>(), labels.max().item<long>());
        TensorCheck.Require(
            smallest >= 0 && largest < classes, nameof(labels), $"Labels go from {smallest} to {largest}. With {classes} classes they are 0 to {classes - 1}.");
    }

    /// <summary>Throws unless logits fit the labels.</summary>
    /// <returns>The logits.</returns>
    public Tensor Logits(Tensor logits, Tensor labels)
    {
        TensorCheck.Require(logits is not null, Forward, "The forward pass returned null. Return the logits.");
        TensorCheck.Require(
            logits!.dim() == 2 && logits.shape[0] == labels.shape[0] && logits.shape[1] == (ClassCount ?? 1), Forward,
            $"The forward pass returned the shape {MessageText.Shape(logits.shape)}, but [{labels.shape[0]}, {ClassCount ?? 1}] is needed: a row for each label, "
            + (ClassCount is null ? "with one number." : "with a logit for each class."));
        TensorCheck.Require(logits.is_floating_point(), Forward, $"The forward pass returned {logits.dtype}. Return floating-point logits.");
        TensorCheck.Require(
            logits.device_type == labels.device_type && logits.device_index == labels.device_index, Forward,
            $"The logits are on {logits.device}, the labels on {labels.device}. Move them to one device.");
        return logits;
    }

    /// <summary>Throws unless logits are part of a graph.</summary>
    public static void Graph(Tensor logits) => TensorCheck.Require(
        logits.requires_grad, Forward,
        "The logits do not depend on any trainable parameter. Run the forward pass through them with grad mode on, outside no_grad().");

    /// <summary>Throws unless row weights fit the labels and are positive numbers.</summary>
    public static void RowWeights(Tensor? rowWeights, Tensor labels)
    {
        if (rowWeights is null)
        {
            return;
        }

        using var scope = NewDisposeScope();
        TensorCheck.Require(
            rowWeights.dim() == 1 && rowWeights.shape[0] == labels.shape[0], nameof(rowWeights),
            $"Row weights have the shape {MessageText.Shape(rowWeights.shape)}. Give one per sample, [{labels.shape[0]}].");
        TensorCheck.Require(
            rowWeights.dtype is ScalarType.Float32 or ScalarType.Float64, nameof(rowWeights),
            $"Row weights have the type {rowWeights.dtype}. Give numbers in {ScalarType.Float32} or {ScalarType.Float64}.");
        TensorCheck.Require(
            rowWeights.to(ScalarType.Float32) is var weights && weights.isfinite().logical_and(weights.GreaterThan(0.0)).all().item<bool>(), nameof(rowWeights),
            "A row weight is not a positive number that float32 holds. Leave rows of weight 0 out of the batch.");
    }
}
