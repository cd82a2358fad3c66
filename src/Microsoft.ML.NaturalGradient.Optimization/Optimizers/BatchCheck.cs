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
        Require(labels.dim() == 1 && labels.shape[0] > 0, nameof(labels), $"Labels have the shape {Shape(labels)}. Give one per sample, [N], and at least one.");
        using var scope = NewDisposeScope();
        if (ClassCount is not { } classes)
        {
            Require(
                labels.dtype is ScalarType.Float32 or ScalarType.Float64, nameof(labels),
                $"Labels have the type {labels.dtype}. Give numbers in {ScalarType.Float32} or {ScalarType.Float64}.");
            Require(labels.isfinite().all().item<bool>(), nameof(labels), "A label is not a finite number. Leave its sample out.");
            return;
        }

        Require(
            labels.dtype == ScalarType.Int64, nameof(labels), $"Labels have the type {labels.dtype}. Give classes in {ScalarType.Int64}.");
        var (smallest, largest) = (labels.min().item<long>(), labels.max().item<long>());
        Require(
            smallest >= 0 && largest < classes, nameof(labels), $"Labels go from {smallest} to {largest}. With {classes} classes they are 0 to {classes - 1}.");
    }

    /// <summary>Throws unless logits fit the labels.</summary>
    /// <returns>The logits.</returns>
    public Tensor Logits(Tensor logits, Tensor labels)
    {
        Require(logits is not null, Forward, "The forward pass returned null. Return the logits.");
        Require(
            logits!.dim() == 2 && logits.shape[0] == labels.shape[0] && logits.shape[1] == (ClassCount ?? 1), Forward,
            $"The forward pass returned the shape {Shape(logits)}, but [{labels.shape[0]}, {ClassCount ?? 1}] is needed: a row for each label, "
            + (ClassCount is null ? "with one number." : "with a logit for each class."));
        Require(logits.is_floating_point(), Forward, $"The forward pass returned {logits.dtype}. Return floating-point logits.");
        Require(
            logits.device_type == labels.device_type && logits.device_index == labels.device_index, Forward,
            $"The logits are on {logits.device}, the labels on {labels.device}. Move them to one device.");
        return logits;
    }

    /// <summary>Throws unless logits are part of a graph.</summary>
    public static void Graph(Tensor logits) => Require(
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
        Require(
            rowWeights.dim() == 1 && rowWeights.shape[0] == labels.shape[0], nameof(rowWeights),
            $"Row weights have the shape {Shape(rowWeights)}. Give one per sample, [{labels.shape[0]}].");
        Require(
            rowWeights.dtype is ScalarType.Float32 or ScalarType.Float64, nameof(rowWeights),
            $"Row weights have the type {rowWeights.dtype}. Give numbers in {ScalarType.Float32} or {ScalarType.Float64}.");
        Require(
            rowWeights.isfinite().logical_and(rowWeights.GreaterThan(0.0)).all().item<bool>(), nameof(rowWeights),
            "A row weight is not a positive number. Leave rows of weight 0 out of the batch.");
    }

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";

    private static void Require(bool holds, string name, string message)
    {
        if (!holds)
        {
            throw new ArgumentException(message, name);
        }
    }
}
