using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Lets TorchSharp's own layers record themselves, by forward hooks, on a <see cref="GradientTape"/> that asks for it.</summary>
/// <remarks>
/// Known are Linear, Conv2d (ungrouped, not dilated, zeros around), Embedding (without padding id; ids [N, T]) and LayerNorm over one dimension. A
/// layer is recorded where the first dimension of its input is as long as the batch. Whether that dimension really is the sample cannot be
/// seen here: <see cref="BatchEvaluation.CheckRecords"/> finds out. Hooks run for <c>call</c>, not for <c>forward</c>.
/// </remarks>
internal sealed class NetworkRecorder : IDisposable
{
    private readonly IReadOnlyList<Parameter> _trained;
    private readonly List<Action> _removals = [];

    /// <summary>Adds hooks to a network and all in it.</summary>
    /// <param name="network">The network; the caller's.</param>
    /// <param name="trained">The parameters to record, each once.</param>
    public NetworkRecorder(nn.Module network, IReadOnlyList<Parameter> trained)
    {
        _trained = trained;
        foreach (var layer in network.modules().Prepend(network).Distinct().OfType<nn.Module<Tensor, Tensor>>())
        {
            if (RuleOf(layer) is { } rule)
            {
                var hook = layer.register_forward_hook((_, input, output) => Record(rule, input, output));
                _removals.Add(hook.remove);
            }
        }
    }

    /// <summary>Takes the hooks off.</summary>
    public void Dispose()
    {
        _removals.ForEach(remove => remove());
        _removals.Clear();
    }

    private Tensor Record(Func<Tensor, ParameterUse[]> rule, Tensor input, Tensor output) =>
        GradientTape.Current is { } tape && tape.Recorder == this && output.requires_grad && input.dim() > 1 && input.shape[0] == tape.SampleCount && rule(input) is { Length: > 0 } uses
            ? tape.Record(output, uses)
            : output;

    private Func<Tensor, ParameterUse[]>? RuleOf(nn.Module<Tensor, Tensor> layer)
    {
        switch (layer)
        {
            case Linear linear:
                return Rule(linear.weight, (weight, input) => new LinearWeightUse(weight, input), linear.bias, bias => new BiasUse(bias));
            case Conv2d { groups: 1, padding_mode: PaddingModes.Zeros, stride: [var stride, var other], padding: [var padding, var otherPadding] } convolution
                when stride == other && padding == otherPadding && convolution.dilation.All(step => step == 1):
                var kernels = Rule(
                    convolution.weight, (kernel, input) => new ConvolutionWeightUse(kernel, input, stride, padding),
                    convolution.bias, bias => new ChannelBiasUse(bias));
                return input => input.dim() == 4 ? kernels(input) : [];
            case Embedding embedding when Trained(embedding.weight) is { } table && IsPlain(embedding, table):
                var lookUps = Rule(embedding.weight, (table, ids) => new EmbeddingUse(table, ids), null, bias => new BiasUse(bias));
                return ids => ids.dim() == 2 && ids.dtype == ScalarType.Int64 ? lookUps(ids) : [];
            case LayerNorm { normalized_shape: [_] } normalization:
                return Rule(
                    normalization.weight,
                    (scale, input) => new ScaleUse(scale, nn.functional.layer_norm(input, normalization.normalized_shape, eps: normalization.eps), input),
                    normalization.bias, bias => new BiasUse(bias));
            default:
                return null;
        }
    }

    // A padding id has no gradient, and gradients may be divided by counts. TorchSharp shows neither: look up every id twice, in a table of one column
    // that takes the place of the caller's meanwhile, and see.
    private static bool IsPlain(Embedding embedding, Parameter table)
    {
        using var scope = NewDisposeScope();
        using var gradMode = enable_grad();
        var column = nn.Parameter(zeros([table.shape[0], 1], device: table.device));
        try
        {
            embedding.weight = column;
            var numbers = embedding.forward(TensorMath.Indices(table.shape[0], table.device).repeat(2)); // [2·V, 1]
            autograd.backward([numbers], [ones_like(numbers)], false, false, [column]);
            return column.grad is { is_sparse: false } gradient && gradient.eq(gradient.FilledWith(2)).all().item<bool>();
        }
        finally
        {
            embedding.weight = table;
        }
    }

    private Func<Tensor, ParameterUse[]> Rule(
        Parameter? weight, Func<Parameter, Tensor, ParameterUse> weightUse, Parameter? bias, Func<Parameter, ParameterUse> biasUse)
    {
        var (trainedWeight, trainedBias) = (Trained(weight), Trained(bias));
        return input => [.. Uses(input)];

        IEnumerable<ParameterUse> Uses(Tensor input)
        {
            if (trainedWeight is not null)
            {
                yield return weightUse(trainedWeight, input);
            }

            if (trainedBias is not null)
            {
                yield return biasUse(trainedBias);
            }
        }
    }

    // A tied weight has several wrappers; the one that is trained stands for all.
    private Parameter? Trained(Parameter? parameter) =>
        parameter is null ? null : _trained.FirstOrDefault(trained => ParameterCheck.IsSame(trained, parameter));
}
