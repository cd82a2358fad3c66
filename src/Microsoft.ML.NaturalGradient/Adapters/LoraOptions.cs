using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>LoRA: each chosen linear layer learns a low-rank addition (α/r)·B·A, everything pretrained stays as it is.</summary>
/// <remarks>Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.</remarks>
public sealed record LoraOptions : AdapterOptions
{
    internal const string PeftType = "LORA";

    private const int LargestRank = 4096;

    /// <summary>Rank r of the addition.</summary>
    /// <value>From 1 to 4096. The default is 8.</value>
    public int Rank { get; init; } = 8;

    /// <summary>Numerator α of the scale α/r.</summary>
    /// <value>Greater than zero. The default is 16.</value>
    public double Alpha { get; init; } = 16;

    /// <summary>Probability with which an entry of the addition's input is dropped in training.</summary>
    /// <value>From 0 up to, but not including, 1. The default is 0.</value>
    public double Dropout { get; init; }

    /// <summary>Names of the linear layers to adapt, by the end of their checkpoint names, for example <c>query</c> or <c>output.dense</c>.</summary>
    /// <value><see langword="null"/> (the default) takes the query and value projections of every attention layer.</value>
    public IReadOnlyList<string>? TargetModules { get; init; }

    internal override string Description => FormattableString.Invariant($"LoRA (rank {Rank}, alpha {Alpha})");

    internal override void Validate()
    {
        Check(Rank is >= 1 and <= LargestRank, nameof(Rank), Rank, "Use 1 to 4096, for example 8.");
        Check(Alpha > 0 && double.IsFinite(Alpha), nameof(Alpha), Alpha, "Use a positive number, for example 16.");
        Check(Dropout is >= 0 and < 1, nameof(Dropout), Dropout, "Use a number from 0 up to, but not including, 1.");
        if (TargetModules is { Count: 0 } || TargetModules?.Any(string.IsNullOrWhiteSpace) == true)
        {
            throw new ArgumentOutOfRangeException(
                nameof(TargetModules), "TargetModules names no layer, or has an empty name. Use null for the query and value projections.");
        }
    }

    internal override void Attach(TextEncoder encoder, Generator generator)
    {
        var layers = encoder.named_modules()
            .Where(named => named.module is LinearLayer)
            .Select(named => (Name: named.name, Layer: (LinearLayer)named.module)).ToArray();
        foreach (var target in TargetModules ?? encoder.DefaultTargets)
        {
            var chosen = layers.Where(layer => Matches(layer.Name, target)).ToArray();
            if (chosen.Length == 0)
            {
                throw new ArgumentException(
                    $"No linear layer of the model is called '{target}'. Choose TargetModules from: "
                    + $"{string.Join(", ", layers.Select(layer => ShortName(layer.Name)).Distinct())}.", nameof(encoder));
            }

            foreach (var (_, layer) in chosen.Where(layer => layer.Layer.Adapter is null))
            {
                layer.Adapt(new LoraAdapter(layer.InputSize, layer.OutputSize, this, generator));
            }
        }
    }

    internal override JsonObject ToConfig(TextEncoder encoder) => new()
    {
        ["peft_type"] = PeftType,
        ["task_type"] = "SEQ_CLS",
        ["r"] = Rank,
        ["lora_alpha"] = Alpha,
        ["lora_dropout"] = Dropout,
        ["bias"] = "none",
        ["target_modules"] = new JsonArray([.. (TargetModules ?? encoder.DefaultTargets).Select(name => JsonValue.Create(name))]),
        ["modules_to_save"] = new JsonArray("classifier"),
    };

    internal static LoraOptions FromConfig(JsonObject config) => new()
    {
        Rank = (int)config["r"]!,
        Alpha = (double)config["lora_alpha"]!,
        Dropout = (double)config["lora_dropout"]!,
        TargetModules = [.. config["target_modules"]!.AsArray().Select(name => (string)name!)],
    };

    private static bool Matches(string name, string target) =>
        name == target || name.EndsWith("." + target, StringComparison.Ordinal);

    // The part after the layer's number: encoder.layer.0.attention.self.query -> attention.self.query.
    private static string ShortName(string name)
    {
        var parts = name.Split('.');
        var number = Array.FindIndex(parts, part => int.TryParse(part, out _));
        return string.Join('.', parts[(number + 1)..]);
    }

    private static void Check(bool legal, string name, double value, string advice)
    {
        if (!legal)
        {
            throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{name} is {value}. {advice}"));
        }
    }
}
