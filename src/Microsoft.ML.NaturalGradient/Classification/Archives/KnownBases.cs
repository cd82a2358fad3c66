using System.Collections.Immutable;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>The pretrained models in which a saved model that only names its base looks for it.</summary>
internal static class KnownBases
{
    private const string Option = "Microsoft.ML.NaturalGradient.PretrainedModels";

    /// <summary>Adds a model to those of a context.</summary>
    public static void Add(MLContext context, PretrainedModel model)
    {
        var known = context.TryGetOption<ImmutableList<PretrainedModel>>(Option, out var models) ? models : [];
        context.SetOption(Option, known.Add(model));
    }

    /// <summary>Finds a base by its weights.</summary>
    /// <param name="environment">The environment that loads the saved model.</param>
    /// <param name="name">What the base was called when it was trained on.</param>
    /// <param name="fingerprint">SHA-256 of its weights.</param>
    /// <param name="report">Takes lines about a download, if a known model is one of a hub.</param>
    /// <returns>Its files; the caller disposes them.</returns>
    /// <exception cref="InvalidOperationException">No known model has these weights.</exception>
    public static CheckpointFiles Find(IHostEnvironment environment, string name, string fingerprint, Action<string> report)
    {
        var known = environment is IHostEnvironmentInternal options
            && options.TryGetOption<ImmutableList<PretrainedModel>>(Option, out var models) ? models : [];
        var tried = new List<string>();
        var layers = BaseFingerprint.LayersOf(fingerprint);
        var candidates = known.Concat([PretrainedModel.MiniLM, PretrainedModel.BgeSmall, PretrainedModel.ViTSmall]).Select(model => model with { Layers = layers });
        foreach (var model in candidates.OrderBy(model => model.ToString() == name ? 0 : 1)) // hashing the others takes time
        {
            if (Open(model, fingerprint, tried, report) is { } files)
            {
                return files;
            }
        }

        throw new InvalidOperationException(
            $"The saved model holds an adapter and a head for '{name}', whose weights have the SHA-256 {fingerprint}. "
            + $"None of the models known here is that one ({string.Join("; ", tried)}). Call mlContext.UsePretrainedModel with it before "
            + "Model.Load, or save with SaveBaseModel = true.");
    }

    private static CheckpointFiles? Open(PretrainedModel model, string fingerprint, List<string> tried, Action<string> report)
    {
        CheckpointFiles? files = null;
        try
        {
            files = model.Open(report);
            var own = BaseFingerprint.Compute(files);
            if (own == fingerprint)
            {
                return files;
            }

            tried.Add($"{model} has {own}");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException or InvalidOperationException)
        {
            tried.Add(e.Message);
        }

        files?.Dispose();
        return null;
    }
}
