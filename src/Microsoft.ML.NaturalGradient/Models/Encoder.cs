using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A pretrained network that turns texts or pictures into vectors; what adapters and heads need to know of it.</summary>
internal abstract class Encoder : nn.Module
{
    /// <summary>Keeps what all encoders have; the derived class makes and registers the layers.</summary>
    /// <param name="name">Name of the class.</param>
    /// <param name="hiddenSize">Width D of the vectors.</param>
    /// <param name="hasClassificationHead">Whether the checkpoint was saved with a classification head.</param>
    /// <param name="head">The classification head that fits.</param>
    private protected Encoder(string name, int hiddenSize, bool hasClassificationHead, HeadLayout head)
        : base(name)
    {
        HiddenSize = hiddenSize;
        HasClassificationHead = hasClassificationHead;
        Head = head;
    }

    /// <summary>Width D of the vectors.</summary>
    public int HiddenSize { get; }

    /// <summary>Whether the checkpoint was saved with a head that classifies whole texts or pictures.</summary>
    public bool HasClassificationHead { get; }

    /// <summary>The classification head that fits: the checkpoint's own where it has one, else a linear map.</summary>
    public HeadLayout Head { get; }

    /// <summary>Prefix of the encoder's names in a checkpoint saved with a head, for example <c>bert</c>.</summary>
    public abstract string Prefix { get; }

    /// <summary>Linear layers that LoRA adapts unless told otherwise.</summary>
    public abstract IReadOnlyList<string> DefaultTargets { get; }
}
