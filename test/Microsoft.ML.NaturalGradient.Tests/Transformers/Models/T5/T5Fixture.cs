using System.Text.Json;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.T5;

/// <summary>The tiny reference checkpoints of T5 1.0 and 1.1 in float64.</summary>
internal static class T5Fixture
{
    public const string Tied = "encoders/t5";
    public const string Gated = "encoders/t5-v1_1";

    public static CheckpointFiles OpenFiles(string folder) =>
        new FolderCheckpointFiles(Path.Combine(AppContext.BaseDirectory, "Fixtures", folder));

    public static T5Config Config(string folder)
    {
        using var files = OpenFiles(folder);
        return T5Config.Read(ModelConfig.Read(files));
    }

    /// <summary>All weights are loaded, none is trainable.</summary>
    public static T5Network Load(string folder)
    {
        using var files = OpenFiles(folder);
        using var weights = files.OpenSafetensors(CheckpointFiles.WeightsName);
        var network = (T5Network)T5Weights.Load(Config(folder), weights).Network;
        _ = network.to(ScalarType.Float64);
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }

        return network;
    }

    public static TokenBatch Inputs(JsonElement reference)
    {
        var inputs = reference.GetProperty("inputs");
        var ids = inputs.GetProperty("input_ids").ToTensor().to(ScalarType.Int64);
        var mask = inputs.GetProperty("attention_mask").ToTensor().to(ScalarType.Int64);
        return new TokenBatch(ids, mask, zeros_like(ids), isPadded: mask.min().item<long>() == 0);
    }

    public static Tensor Labels(JsonElement reference) => reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);

    /// <summary>What the decoder reads for labels [N, T]: the start token and all labels but the last; 0 for ignored ones.</summary>
    public static Tensor ShiftRight(Tensor labels)
    {
        using Scalar zero = 0;
        var start = zeros(labels.shape[0], 1, ScalarType.Int64);
        return cat([start, labels.narrow(1, 0, labels.shape[1] - 1).clamp_min(zero)], 1);
    }

    public static Tensor Forward(T5Network network, TokenBatch inputs, Tensor labels)
    {
        var mask = network.Mask(inputs);
        var memory = network.Encode(network.Embed(inputs.Ids), mask, inputs.Packed())[^1].Apart();
        return network.Logits(network.Decode(network.Embed(ShiftRight(labels)), memory, mask)[^1]);
    }

    /// <summary>Runs a recorded forward pass over the reference batch.</summary>
    public static BatchEvaluation Evaluate(T5Network network, JsonElement reference)
    {
        var inputs = Inputs(reference);
        var labels = Labels(reference);
        return BatchEvaluation.Run(new SoftmaxCrossEntropy(), labels, true, () => Forward(network, inputs, labels));
    }
}
