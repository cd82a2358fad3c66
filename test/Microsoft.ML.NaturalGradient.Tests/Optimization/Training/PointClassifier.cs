using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Training;

/// <summary>Softmax regression on points of the plane, which counts how it is used.</summary>
internal sealed class PointClassifier : ITrainableModel, IDisposable
{
    private readonly LinearLayer _layer = new(2, 2);

    public PointClassifier()
    {
        TrainableParameters = [.. _layer.named_parameters().Select(pair => new NamedParameter(pair.name, pair.parameter))];
        using var noGrad = no_grad();
        TrainableParameters[0].Value.copy_(tensor(new[,] { { 0.3f, -0.2f }, { -0.1f, 0.4f } }));
    }

    public IReadOnlyList<NamedParameter> TrainableParameters { get; }

    public List<bool> Modes { get; } = [];

    /// <summary>Passes over validation rows, from 1, whose logits are NaN.</summary>
    public HashSet<int> SpoiltValidations { get; } = [];

    /// <summary>Called before each forward pass.</summary>
    public Action? BeforeForward { get; set; }

    public float[] Weights => [.. TrainableParameters.SelectMany(named => named.Value.data<float>())];

    public void SetTraining(bool training) => Modes.Add(training);

    public Tensor Forward(ModelInput input)
    {
        BeforeForward?.Invoke();
        var logits = _layer.call(((PointInput)input).Points);
        return !Modes[^1] && SpoiltValidations.Contains(Modes.Count(training => !training)) ? logits.Times(double.NaN) : logits;
    }

    /// <summary>Makes every further loss NaN.</summary>
    public void Poison()
    {
        using var noGrad = no_grad();
        ((Parameter)TrainableParameters[0].Value).fill_(float.NaN);
    }

    public void Dispose() => _layer.Dispose();
}
