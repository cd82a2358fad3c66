using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>What one layer gives AdaFisher in one batch: a linear map, or the scale and shift of a layer with one number per feature.</summary>
internal sealed class AdaFisherSource
{
    private AdaFisherSource(LinearMap map)
    {
        Map = map;
        Parameters = [.. map.Parameters];
    }

    private AdaFisherSource(IReadOnlyList<ParameterUse> uses, Tensor error)
    {
        Parameters = [.. uses.Select(use => use.Parameter)];
        Diagonal = [.. uses.Select(use => use.PositionGradients(error)!)];
        Error = error;
        LayerInput = uses.OfType<ScaleUse>().First().LayerInput;
    }

    /// <summary>The layer's parameters, the weight or scale first.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The linear map; null for scale and shift.</summary>
    public LinearMap? Map { get; }

    /// <summary>The gradient of each parameter at every position, [N·T, D] each; null for a linear map.</summary>
    public IReadOnlyList<Tensor>? Diagonal { get; }

    /// <summary>The gradient of the layer's output, [N, ..., D]; null for a linear map.</summary>
    public Tensor? Error { get; }

    /// <summary>The input of a layer normalisation, [N, ..., D]; null for other layers.</summary>
    public Tensor? LayerInput { get; }

    /// <summary>Finds the layers whose parameters have no other use.</summary>
    public static IReadOnlyList<AdaFisherSource> Find(CapturedGradients captured)
    {
        var maps = LinearMap.Find(captured).Select(map => new AdaFisherSource(map));
        var uses = captured.Records.SelectMany(record => record.Uses).CountBy(use => use.Parameter, SameParameter.Comparer).ToDictionary(SameParameter.Comparer);
        var scales = captured.Records
            .Where(record => record.Uses.Any(use => use is ScaleUse)
                && record.Uses.All(use => use is ScaleUse or BiasUse && uses[use.Parameter] == 1))
            .Select(record => new AdaFisherSource(record.Uses, record.Error));
        return [.. maps, .. scales];
    }
}
