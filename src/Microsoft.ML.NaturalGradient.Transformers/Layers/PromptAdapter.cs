using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Trained vectors that stand before the word embeddings of every text.</summary>
/// <remarks>Lester, Al-Rfou and Constant, "The Power of Scale for Parameter-Efficient Prompt Tuning", EMNLP 2021, section 2.</remarks>
internal sealed class PromptAdapter : nn.Module
{
    /// <summary>Name of the vectors in PEFT's files.</summary>
    public const string CheckpointName = "prompt_embeddings";

    [ComponentName(Name = CheckpointName)]
    private readonly Parameter _vectors; // [K·P, D]

    /// <summary>Creates a prompt.</summary>
    /// <param name="initialVectors">Makes the vectors, [K·P, D].</param>
    /// <param name="copies">Prompts K that PEFT keeps; all but the first are never read.</param>
    public PromptAdapter(Func<Tensor> initialVectors, int copies)
        : base(nameof(PromptAdapter))
    {
        _vectors = NewParameter.Of(initialVectors);
        Length = _vectors.shape[0] / copies;
        RegisterComponents();
    }

    /// <summary>The vectors, [K·P, D].</summary>
    public Parameter Vectors => _vectors;

    /// <summary>Vectors P.</summary>
    public long Length { get; }

    /// <summary>Puts the prompt before the embedded words of each text.</summary>
    /// <param name="words">[N, T, D].</param>
    /// <returns>[N, P + T, D]; in the caller's dispose scope.</returns>
    public Tensor Prepend(Tensor words)
    {
        var prompt = _vectors.unsqueeze(0).expand(words.shape[0], -1, -1); // [N, K·P, D]
        if (GradientTape.Current is { } tape && _vectors.requires_grad)
        {
            prompt = tape.Record(prompt, new BroadcastUse(_vectors));
        }

        return cat([prompt.narrow(1, 0, Length), words], 1);
    }

    /// <summary>Writes <see cref="Prepend"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="words">[N, T, D].</param>
    /// <returns>[N, P + T, D].</returns>
    public OnnxValue EmitPrepend(OnnxGraph graph, OnnxValue words)
    {
        using var scope = graph.Enter(this);
        var vectors = graph.Weight(CheckpointName, () => _vectors.narrow(0, 0, Length).unsqueeze(0), 1, Length, words.Width.Value);
        return graph.Concat(1, graph.ExpandRows(vectors, words), words);
    }
}
