namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>How an architecture's classification head is made, with the names that its checkpoints give the layers.</summary>
/// <remarks>logits = Output(Norm(activation(Inner(pooled)))); what has no name is left out.</remarks>
internal sealed record HeadLayout
{
    /// <summary>One linear map, called <c>classifier</c>.</summary>
    public static HeadLayout Linear { get; } = new() { Output = "classifier" };

    /// <summary>One linear map on the mean of the tokens, called <c>mean_classifier</c>.</summary>
    /// <remarks>No class of transformers has a head of this name, so none of them reads these weights with another pooling.</remarks>
    public static HeadLayout Mean { get; } = new() { Output = "mean_classifier" };

    /// <summary>One linear map called <c>qa_outputs</c>: whether an answer begins and whether it ends at a token.</summary>
    public static HeadLayout Spans { get; } = new() { Output = "qa_outputs" };

    /// <summary>Name of the layer that gives one logit per class.</summary>
    public required string Output { get; init; }

    /// <summary>Name of the layer before it, as wide as the encoder; null for none.</summary>
    public string? Inner { get; init; }

    /// <summary>Whether the inner layer has a bias.</summary>
    public bool InnerBias { get; init; } = true;

    /// <summary>Name of the activation function after the inner layer.</summary>
    public string Activation { get; init; } = "tanh";

    /// <summary>Name of the normalisation after the activation; null for none.</summary>
    public string? Norm { get; init; }

    /// <summary>ε of the normalisation.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>Whether the normalisation has a shift.</summary>
    public bool NormBias { get; init; } = true;

    /// <summary>Name of a second output layer, which reads the second half of the pooled vector; the logits are the mean of both. Null for none.</summary>
    public string? SecondOutput { get; init; }

    /// <summary>Names of the modules that make up the head, as PEFT lists them in <c>modules_to_save</c>.</summary>
    public IReadOnlyList<string> Modules => [.. new[] { Inner, Norm, Output, SecondOutput }.OfType<string>().Select(FirstPart).Distinct()];

    /// <summary>Whether a tensor of a checkpoint belongs to a module of this head.</summary>
    /// <param name="name">Name of the tensor.</param>
    public bool Owns(string name) => Modules.Contains(FirstPart(name));

    /// <summary>What earlier versions of this library called a tensor of <see cref="Mean"/>.</summary>
    /// <param name="name">Name of the tensor, with or without what stands before it.</param>
    public static string OldName(string name) => name.Replace(Mean.Output + ".", Linear.Output + ".", StringComparison.Ordinal);

    private static string FirstPart(string name) => name.Split('.')[0];
}
