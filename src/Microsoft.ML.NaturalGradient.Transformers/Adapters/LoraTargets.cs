using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Layers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Adaptation;

/// <summary>Finds layers by the names and patterns of a LoRA configuration, with PEFT's rules.</summary>
internal static class LoraTargets
{
    /// <summary>Finds the linear layers to adapt.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="options">The settings.</param>
    /// <returns>The layers by their checkpoint names, in the order of the encoder.</returns>
    /// <exception cref="ArgumentException">A target names no layer; the message lists the layers there are.</exception>
    public static IReadOnlyList<(string Name, LinearLayer Layer)> Find(PretrainedNetwork encoder, LoraOptions options)
    {
        var layers = Named(encoder).Where(named => named.Module is LinearLayer)
            .Select(named => (named.Name, Layer: (LinearLayer)named.Module)).ToArray();
        if (options.Layers is { } last)
        {
            layers = Last(encoder, layers, last);
        }

        if (options.TargetPattern is { } pattern)
        {
            var expression = new LoraPatterns();
            var matching = layers.Where(layer => expression.IsMatch(pattern, layer.Name)).ToArray();
            return matching.Length > 0 ? matching : throw None(layers, $"matches the TargetPattern '{pattern}'", nameof(options.TargetPattern));
        }

        var targets = options.TargetModules ?? encoder.Architecture.DefaultTargets;
        if (IsAllLinear(targets))
        {
            return layers;
        }

        var unknown = targets.FirstOrDefault(target => !layers.Any(layer => EndsWith(layer.Name, target)));
        var chosen = layers.Where(layer => targets.Any(target => EndsWith(layer.Name, target))).ToArray();
        return unknown is null || (options.SkipsUnknownTargets && chosen.Length > 0)
            ? chosen
            : throw None(layers, $"is called '{unknown}'", nameof(options.TargetModules));
    }

    /// <summary>Finds the modules of an encoder that are trained as a whole.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="ending">What the names of the modules end with; unlike the names of target layers, not only at a dot.</param>
    /// <returns>The modules by their checkpoint names.</returns>
    public static IEnumerable<(string Name, nn.Module Module)> EndingWith(PretrainedNetwork encoder, string ending) =>
        Named(encoder).Where(named => named.Name.EndsWith(ending, StringComparison.Ordinal));

    /// <summary>Whether targets are the word for all linear layers.</summary>
    public static bool IsAllLinear(IReadOnlyList<string> targets) => targets is [LoraOptions.AllLinearName];

    private static IEnumerable<(string Name, nn.Module Module)> Named(PretrainedNetwork encoder) =>
        encoder.named_modules().Select(named => (encoder.NameOf(named.name), named.module));

    private static (string Name, LinearLayer Layer)[] Last(PretrainedNetwork encoder, (string Name, LinearLayer Layer)[] layers, int last)
    {
        if (encoder.Architecture.Kind == ArchitectureKind.TextToText)
        {
            throw new ArgumentException("LoraOptions.Layers counts the layers of an encoder, and this model has a decoder too. Choose layers by TargetPattern.", nameof(encoder));
        }

        if (last > encoder.LayerCount)
        {
            throw new ArgumentException(FormattableString.Invariant(
                $"LoraOptions.Layers is {last}, but the model has {encoder.LayerCount} layers. Set at most that, or null for all."), nameof(encoder));
        }

        // A layer that does nothing, as NAS-BERT has some, is none of the last.
        var places = layers.Select(layer => FirstLayers.LayerOf(layer.Name)).OfType<int>().Distinct().OrderDescending().Take(last).ToHashSet();
        return [.. layers.Where(layer => FirstLayers.LayerOf(layer.Name) is { } place && places.Contains(place))];
    }

    private static bool EndsWith(string name, string target) =>
        name == target || name.EndsWith("." + target, StringComparison.Ordinal);

    private static ArgumentException None((string Name, LinearLayer Layer)[] layers, string problem, string setting) => new(
        $"No linear layer of the model {problem}. Choose {setting} from: "
        + $"{string.Join(", ", layers.Select(layer => ShortName(layer.Name)).Distinct())}.", nameof(layers));

    // The part after the layer's number: bert.encoder.layer.0.attention.self.query -> attention.self.query.
    private static string ShortName(string name)
    {
        var parts = name.Split('.');
        var number = Array.FindIndex(parts, part => int.TryParse(part, out _));
        return string.Join('.', parts[(number + 1)..]);
    }
}
