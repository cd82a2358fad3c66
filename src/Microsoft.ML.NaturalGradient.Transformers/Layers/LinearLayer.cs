using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>A linear map y = x Wᵀ + b that records itself on the current tape when it is trainable, and may carry an adapter.</summary>
internal sealed class LinearLayer : nn.Module<Tensor, Tensor>, IOnnxLayer
{
    /// <summary>Name under which an adapter is registered; not part of checkpoint names.</summary>
    public const string AdapterName = "adapter";

    [ComponentName(Name = "weight")]
    private readonly Parameter _weight; // [O, I]

    [ComponentName(Name = "bias")]
    private readonly Parameter? _bias; // [O]

    private Tensor? _rounded; // [O, I], the weight in bfloat16, where products are made of that

    private Parameter? _unmerged; // [O, I], the weight before the adapter was merged into it

    /// <summary>Creates the layer with zero weights, to be filled from a checkpoint.</summary>
    /// <param name="inputSize">Input width I.</param>
    /// <param name="outputSize">Output width O.</param>
    /// <param name="bias">Whether there is a bias b.</param>
    public LinearLayer(long inputSize, long outputSize, bool bias = true)
        : base(nameof(LinearLayer))
    {
        InputSize = inputSize;
        OutputSize = outputSize;
        _weight = NewParameter.Zeros(outputSize, inputSize);
        _bias = bias ? NewParameter.Zeros(outputSize) : null;
        RegisterComponents();
    }

    /// <summary>Input width I.</summary>
    public long InputSize { get; }

    /// <summary>Output width O.</summary>
    public long OutputSize { get; }

    /// <summary>What is attached; <see langword="null"/> for nothing.</summary>
    public LinearAdapter? Adapter { get; private set; }

    /// <summary>The layer's own weight, [O, I], without what an adapter changed in it.</summary>
    public Parameter OwnWeight => _unmerged ?? _weight;

    /// <summary>Whether the adapter is merged into the weight.</summary>
    public bool IsMerged => _unmerged is not null;

    /// <summary>Attaches an adapter.</summary>
    /// <param name="adapter">The adapter; owned by this layer from now on.</param>
    public void Adapt(LinearAdapter adapter)
    {
        Adapter = adapter;
        register_module(AdapterName, adapter);
    }

    /// <summary>Whether products are made of numbers that are rounded to bfloat16.</summary>
    public bool IsRounded => _rounded is not null;

    /// <summary>Chooses whether products with a weight that is not trained are made of numbers rounded to bfloat16 (8 binary digits), summed with 24. Keeps a copy of the weight.</summary>
    /// <param name="rounded">Whether they are; without effect where the weight is trained.</param>
    public void RoundProducts(bool rounded)
    {
        using var noGrad = no_grad();
        _rounded?.Dispose();
        _rounded = rounded && !_weight.requires_grad ? _weight.to(ScalarType.BFloat16).DetachFromDisposeScope() : null;
    }

    /// <summary>Sets W and b.</summary>
    /// <param name="weight">W, [O, I], of any type.</param>
    /// <param name="bias">b, [O]; the layer needs a bias.</param>
    public void Set(Tensor weight, Tensor bias)
    {
        using var noGrad = no_grad();
        _weight.copy_(weight);
        (_bias ?? throw new InvalidOperationException("The layer has no bias.")).copy_(bias);
    }

    /// <summary>Changes W and b so that every output y becomes scale · y + shift.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="shift">The shift; the layer needs a bias.</param>
    public void RescaleOutputs(double scale, double shift)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var bias = _bias ?? throw new InvalidOperationException("The layer has no bias that could take the shift.");
        _weight.ScaleInPlace(scale);
        bias.ScaleInPlace(scale);
        bias.AddInPlace(ones_like(bias), shift);
    }

    /// <summary>Changes the weight so that the layer does without its adapter; keeps a copy of the weight.</summary>
    public void Merge()
    {
        if (Adapter is null || IsMerged)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _unmerged = NewParameter.Of(_weight.detach().clone);
        _unmerged.requires_grad = false;
        _weight.copy_(Adapter.Merged(_weight));
    }

    /// <summary>Takes back <see cref="Merge"/>: the weight is again what it was, bit for bit.</summary>
    public void Unmerge()
    {
        if (_unmerged is null)
        {
            return;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _weight.copy_(_unmerged);
        _unmerged.Dispose();
        _unmerged = null;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => // [N, ..., I] -> [N, ..., O]
        LayerWatch.See(this, Adapter is null || IsMerged ? Map(input) : Adapter.Apply(this, input));

    /// <inheritdoc/>
    /// <remarks>With the adapter merged into the weight, which stays as it is here.</remarks>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input)
    {
        using var scope = graph.Enter(this);
        return graph.Linear(input, () => Adapter is null || IsMerged ? _weight : Adapter.Merged(_weight), OutputSize, _bias is null ? null : () => _bias);
    }

    /// <summary>Computes the output of the layer alone, xWᵀ + b, recorded on the current tape.</summary>
    /// <param name="input">[N, ..., I].</param>
    /// <returns>[N, ..., O]; in the caller's dispose scope.</returns>
    public Tensor Map(Tensor input)
    {
        var output = Rounds() ? Shifted(MapWithoutBias(input)) : nn.functional.linear(input, _weight, _bias);
        if (GradientTape.Current is { } tape && (_weight.requires_grad || _bias is { requires_grad: true }))
        {
            output = tape.Record(output, [.. Uses(input)]);
        }

        return output;
    }

    /// <summary>Computes xWᵀ for a weight that is not trained.</summary>
    /// <param name="input">[N, ..., I].</param>
    /// <returns>[N, ..., O]; in the caller's dispose scope.</returns>
    public Tensor MapWithoutBias(Tensor input) => Rounds()
        ? nn.functional.linear(input.to(ScalarType.BFloat16), _rounded!).to(input.dtype)
        : nn.functional.linear(input, _weight);

    /// <summary>Adds the bias, recorded on the current tape.</summary>
    /// <param name="output">[N, ..., O].</param>
    /// <returns>[N, ..., O]; in the caller's dispose scope.</returns>
    public Tensor AddBias(Tensor output)
    {
        if (_bias is null)
        {
            return output;
        }

        var sum = output.Plus(_bias);
        return GradientTape.Current is { } tape && _bias.requires_grad ? tape.Record(sum, new BiasUse(_bias)) : sum;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _unmerged?.Dispose();
            _rounded?.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool Rounds() => IsRounded && !ExactProducts.AreWanted();

    private Tensor Shifted(Tensor output) => _bias is null ? output : output.Plus(_bias);

    private IEnumerable<ParameterUse> Uses(Tensor input)
    {
        if (_weight.requires_grad)
        {
            yield return new LinearWeightUse(_weight, input);
        }

        if (_bias is { requires_grad: true })
        {
            yield return new BiasUse(_bias);
        }
    }
}
