using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained network in training: frozen but for what an adapter trains, with a head where it needs one.</summary>
internal abstract class AdaptedNetwork : nn.Module, ITrainableModel
{
    /// <summary>Creates the source of initial values; the derived class makes and registers the parts.</summary>
    /// <param name="name">Name of the class.</param>
    /// <param name="seed">Seed of initial values and of dropout.</param>
    private protected AdaptedNetwork(string name, long seed)
        : base(name)
    {
        // A generator of its own: the global one is shared by all trainers of the process.
        Generator = new Generator((ulong)seed, CPU);
    }

    /// <inheritdoc/>
    /// <remarks>Read anew each time, since a conversion of type or device replaces the parameters.</remarks>
    public IReadOnlyList<NamedParameter> TrainableParameters => [.. Named().Where(named => named.Value.requires_grad)];

    /// <summary>The parameters that stay as they were loaded.</summary>
    public IEnumerable<NamedParameter> FrozenParameters => Named().Where(named => !named.Value.requires_grad);

    /// <summary>Tensors of the pretrained part that only its pretraining reads, kept for those who read its files again.</summary>
    public IEnumerable<(string Name, Tensor Value)> UnreadWeights => Base.named_buffers().Select(named => (Base.NameOf(named.name), named.buffer));

    /// <summary>The pretrained part.</summary>
    public abstract PretrainedNetwork Base { get; }

    /// <summary>The head where it is one linear layer on top of the base; null elsewhere.</summary>
    public virtual LinearLayer? LinearHead => null;

    /// <summary>Parameters of the last layers, in proportion to which the outputs are; none where there is no such layer.</summary>
    public virtual IEnumerable<Tensor> OutputParameters => [];

    /// <summary>What the user should know about the network before it is trained.</summary>
    public virtual IEnumerable<string> Warnings => [];

    /// <inheritdoc/>
    public Generator? Randomness => Generator;

    /// <summary>Source of initial values and of dropout masks.</summary>
    protected Generator Generator { get; }

    /// <summary>Moves all parameters to a device, outside the caller's dispose scope.</summary>
    /// <param name="device">The device.</param>
    public void MoveTo(Device device)
    {
        _ = this.to(device);
        foreach (var parameter in parameters())
        {
            parameter.DetachFromDisposeScope();
        }
    }

    /// <summary>Chooses whether products with frozen weights of the base are made of numbers rounded to bfloat16; see <see cref="LinearLayer.RoundProducts"/>.</summary>
    /// <param name="rounded">Whether they are.</param>
    public void RoundFrozenProducts(bool rounded)
    {
        using var scope = NewDisposeScope();
        foreach (var layer in Base.modules().OfType<LinearLayer>())
        {
            layer.RoundProducts(rounded);
        }
    }

    /// <inheritdoc/>
    public void SetTraining(bool training) => train(training);

    /// <inheritdoc/>
    public abstract Tensor Forward(ModelInput input);

    /// <summary>Writes the outputs by which rows are scored into a graph, with its inputs.</summary>
    /// <param name="graph">The graph; changed. Its numbers are read from this network when it is written.</param>
    /// <param name="pictures">Size of the pictures; null for texts.</param>
    /// <returns>The outputs of <see cref="Forward"/>, [N, K], or [N, T, K] where a head reads each token; no predictions yet.</returns>
    public abstract OnnxValue Emit(OnnxGraph graph, OnnxPictureSize? pictures);

    /// <summary>
    /// How many layers, from the input on, have nothing trained in or before them, so that their output for a row never changes; one more than there are layers where that
    /// holds for all that the head reads.
    /// </summary>
    public virtual int FrozenLayers => 0;

    /// <summary>Computes the frozen layers only.</summary>
    /// <param name="input">The batch; not modified.</param>
    /// <param name="layers">As <see cref="FrozenLayers"/>, at least 1.</param>
    /// <returns>The vectors after them, [N, T, D], or those that the head reads, [N, D]; in the caller's dispose scope.</returns>
    public virtual Tensor FrozenOutput(ModelInput input, int layers) => throw new NotSupportedException($"{GetName()} keeps no output of its layers.");

    /// <summary>What the head reads and gives.</summary>
    public virtual HeadKind HeadKind => HeadKind.Whole;

    /// <summary>What PEFT calls the task that an adapter is for; null where it has no name for it.</summary>
    public string? PeftTask => HeadKind switch
    {
        HeadKind.Tokens => PeftNames.TokenTask,
        HeadKind.Spans => PeftNames.SpanTask,
        _ => Base.Architecture.PeftTask,
    };

    /// <summary>Modules of the head that is trained as a whole, as PEFT lists them.</summary>
    public virtual IReadOnlyList<string> HeadModules => Base.HeadModules;

    /// <summary>Whether a parameter belongs to a head that is no part of the pretrained network.</summary>
    /// <param name="named">The parameter.</param>
    public virtual bool IsHead(NamedParameter named) => false;

    /// <inheritdoc/>
    public virtual Tensor? FindCorrect(ModelInput input) => null;

    /// <summary>All parameters by their checkpoint names; adapters leave no trace.</summary>
    protected abstract IEnumerable<NamedParameter> Named();

    /// <summary>Finds the lowest layer with something trained.</summary>
    /// <returns><see cref="FrozenLayers"/>; 0 where something that belongs to no layer is trained.</returns>
    protected int CountFrozenLayers() => TrainableParameters.Where(named => !IsHead(named))
        .Select(named => FirstLayers.LayerOf(named.Name) ?? 0).DefaultIfEmpty(Base.LayerCount + 1).Min();

    /// <summary>Marks the parameters of a part as not trained.</summary>
    /// <param name="part">The part; changed.</param>
    protected static void Freeze(nn.Module part)
    {
        foreach (var parameter in part.parameters())
        {
            parameter.requires_grad = false;
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Generator.Dispose();
        }

        base.Dispose(disposing);
    }
}
