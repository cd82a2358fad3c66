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

    /// <inheritdoc/>
    public void SetTraining(bool training) => train(training);

    /// <inheritdoc/>
    public abstract Tensor Forward(ModelInput input);

    /// <summary>Whether a parameter belongs to a head that is no part of the pretrained network.</summary>
    /// <param name="named">The parameter.</param>
    public virtual bool IsHead(NamedParameter named) => false;

    /// <inheritdoc/>
    public virtual long? CountCorrect(ModelInput input) => null;

    /// <summary>All parameters by their checkpoint names; adapters leave no trace.</summary>
    protected abstract IEnumerable<NamedParameter> Named();

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
