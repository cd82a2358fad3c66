using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient;

/// <summary>LoRA: each chosen linear layer learns a low-rank addition (α/r)·B·A, everything pretrained stays as it is.</summary>
/// <remarks>
/// Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022. The settings are those of PEFT and mean the same.
/// Patterns are regular expressions for the end of a layer's name, at a dot: <c>value</c> and <c>layer.1.attention.self.value</c> both match
/// <c>bert.encoder.layer.1.attention.self.value</c>; the first pattern that matches counts.
/// </remarks>
public sealed record LoraOptions : AdapterOptions
{
    internal const string PeftType = "LORA";
    internal const string AllLinearName = "all-linear";

    private const int LargestRank = 4096;

    /// <summary>The <see cref="TargetModules"/> that stand for every linear layer of the encoder.</summary>
    public static IReadOnlyList<string> AllLinear { get; } = [AllLinearName];

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
    /// <value><see langword="null"/> (the default) takes the query and value projections of every attention layer, and all linear layers of NAS-BERT, which has few of attention; see <see cref="AllLinear"/> too.</value>
    public IReadOnlyList<string>? TargetModules { get; init; }

    /// <summary>A regular expression for the whole checkpoint names of the layers to adapt, in place of <see cref="TargetModules"/>.</summary>
    /// <value><see langword="null"/> (the default) for none; for example <c>.*layer\.[01]\.attention.*(query|value)</c>.</value>
    public string? TargetPattern { get; init; }

    /// <summary>How many layers of the encoder, from the last one down, are adapted; layers without a linear layer do not count. What is below is then computed once for a row; see the trainers' <c>FrozenLayerCache</c>.</summary>
    /// <value>From 1 to the encoder's number of layers; <see langword="null"/> (the default) for all.</value>
    public int? Layers { get; init; }

    /// <summary>Ranks of layers that have another rank than <see cref="Rank"/>, by patterns.</summary>
    /// <value>Ranks from 1 to 4096; <see langword="null"/> (the default) for none.</value>
    public IReadOnlyDictionary<string, int>? RankPattern { get; init; }

    /// <summary>Numerators of layers that have another one than <see cref="Alpha"/>, by patterns.</summary>
    /// <value>Numbers greater than zero; <see langword="null"/> (the default) for none.</value>
    public IReadOnlyDictionary<string, double>? AlphaPattern { get; init; }

    /// <summary>Whether the scale is α/√r (rank-stabilised LoRA), which keeps large ranks learning.</summary>
    /// <value>The default is false. Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA", 2023.</value>
    public bool UseRsLoRA { get; init; }

    /// <summary>Whether the norm of each row of a weight is learned apart from its direction (DoRA).</summary>
    /// <value>The default is false. Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", ICML 2024.</value>
    public bool UseDoRA { get; init; }

    /// <summary>Which pretrained biases are trained along.</summary>
    /// <value>The default is <see cref="LoraBias.None"/>.</value>
    public LoraBias Bias { get; init; }

    /// <summary>Modules of the encoder that are trained as a whole, by the end of their checkpoint names, for example <c>pooler</c>.</summary>
    /// <value><see langword="null"/> (the default) for none. The classification head is always trained and saved.</value>
    public IReadOnlyList<string>? ModulesToSave { get; init; }

    internal override string Description => FormattableString.Invariant(
        $"{(UseDoRA ? "DoRA" : "LoRA")} (rank {Rank}, alpha {Alpha})");

    internal override bool IsPeft => true;

    /// <summary>Whether targets that name no layer are skipped while another one does, as PEFT does.</summary>
    internal bool SkipsUnknownTargets { get; init; }

    internal override void Validate()
    {
        Check(Rank is >= 1 and <= LargestRank, nameof(Rank), Rank, "Use 1 to 4096, for example 8.");
        Check(SingleRange.IsPositive(Alpha), nameof(Alpha), Alpha, "Use a positive number, for example 16.");
        Check(Dropout is >= 0 and < 1, nameof(Dropout), Dropout, "Use a number from 0 up to, but not including, 1.");
        Check(Layers is null or >= 1, nameof(Layers), Layers ?? 0, "Use at least 1 layer, or null for all.");
        Check(Enum.IsDefined(Bias), nameof(Bias), (int)Bias, "Use a member of LoraBias.");
        CheckNames(TargetModules, nameof(TargetModules), "Use null for the query and value projections.");
        CheckNames(ModulesToSave, nameof(ModulesToSave), "Use null for the classification head alone.");
        if (TargetPattern is not null && TargetModules is not null)
        {
            throw new ArgumentException("Both TargetModules and TargetPattern are set. Set one of them.", nameof(TargetPattern));
        }

        CheckPattern(TargetPattern, nameof(TargetPattern));
        foreach (var (pattern, rank) in RankPattern ?? new Dictionary<string, int>())
        {
            CheckPattern(pattern, nameof(RankPattern));
            Check(rank is >= 1 and <= LargestRank, nameof(RankPattern), rank, $"Use 1 to 4096 for '{pattern}'.");
        }

        foreach (var (pattern, alpha) in AlphaPattern ?? new Dictionary<string, double>())
        {
            CheckPattern(pattern, nameof(AlphaPattern));
            Check(SingleRange.IsPositive(alpha), nameof(AlphaPattern), alpha, $"Use a positive number for '{pattern}'.");
        }
    }

    internal override void Attach(PretrainedNetwork encoder, Generator generator)
    {
        var targets = LoraTargets.Find(encoder, this);
        var hasBiases = Bias == LoraBias.None || (Bias == LoraBias.All && EncoderParameters.TrainBiases(encoder));
        var patterns = new LoraPatterns();
        foreach (var (name, layer) in targets)
        {
            if (Bias == LoraBias.LoraOnly)
            {
                hasBiases |= EncoderParameters.TrainBiases(layer);
            }

            var (rank, alpha) = (patterns.Lookup(RankPattern, name, Rank), patterns.Lookup(AlphaPattern, name, Alpha));
            layer.Adapt(new LoraAdapter(layer, rank, alpha, this, generator));
        }

        if (!hasBiases && !SkipsUnknownTargets)
        {
            var where = Bias == LoraBias.All ? "the pretrained model has" : "the adapted layers have";
            throw new ArgumentException($"Bias is {Bias}, but {where} no biases. Use LoraBias.None.", nameof(encoder));
        }

        foreach (var ending in ModulesToSave ?? [])
        {
            TrainModules(encoder, ending);
        }
    }

    internal override JsonObject ToConfig(PretrainedNetwork encoder) => LoraConfig.Write(this, encoder);

    private void TrainModules(PretrainedNetwork encoder, string ending)
    {
        var modules = LoraTargets.EndingWith(encoder, ending).ToArray();
        if (modules.Length == 0 && !SkipsUnknownTargets && !encoder.HeadModules.Contains(ending))
        {
            throw new ArgumentException($"No module of the model has a name that ends with '{ending}'. Correct ModulesToSave.", nameof(encoder));
        }

        foreach (var (name, module) in modules)
        {
            if (module is LinearAdapter || module.modules().Any(inner => inner is LinearLayer { Adapter: not null }))
            {
                throw new ArgumentException(
                    $"'{name}' of ModulesToSave holds a layer that has a low-rank addition. Name a layer in one of both only.", nameof(encoder));
            }

            EncoderParameters.Train(module);
        }
    }

    private static void CheckNames(IReadOnlyList<string>? names, string setting, string advice)
    {
        if (names is { Count: 0 } || names?.Any(string.IsNullOrWhiteSpace) == true)
        {
            throw new ArgumentOutOfRangeException(setting, $"{setting} names no layer, or has an empty name. {advice}");
        }
    }

    private static void CheckPattern(string? pattern, string setting)
    {
        try
        {
            LoraPatterns.Check(pattern ?? "");
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"{setting} has '{pattern}', which is no regular expression: {e.Message}", setting, e);
        }
    }
}
