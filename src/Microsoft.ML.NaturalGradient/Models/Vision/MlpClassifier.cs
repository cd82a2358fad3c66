using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>A multi-layer perceptron on the pixels of pictures of one size, trained from scratch as a whole.</summary>
internal sealed class MlpClassifier : nn.Module, ITrainableModel
{
    private const int ChannelCount = 3;

    private readonly int _imageSize;
    private readonly Func<Tensor, Tensor> _activation;

    [ComponentName(Name = "layers")]
    private readonly ModuleList<LinearLayer> _layers;

    /// <summary>Creates a network with random weights.</summary>
    /// <param name="config">The sizes.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="seed">Seed of the weights.</param>
    public MlpClassifier(MlpConfig config, int classCount, long seed)
        : base(nameof(MlpClassifier))
    {
        using var generator = new Generator((ulong)seed, CPU);
        _imageSize = config.ImageSize;
        _activation = Activation.Named(config.Activation);
        int[] widths = [ChannelCount * config.ImageSize * config.ImageSize, .. config.HiddenSizes, classCount];
        _layers = new ModuleList<LinearLayer>([.. widths.Zip(widths.Skip(1)).Select(
            pair => RandomWeights.FillUniform(new LinearLayer(pair.First, pair.Second), generator))]);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public IReadOnlyList<NamedParameter> TrainableParameters => [.. ParameterNames.Of(this)];

    /// <inheritdoc/>
    public void SetTraining(bool training) => train(training);

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The pictures have another size.</exception>
    public Tensor Forward(ModelInput input) // [N, C]
    {
        var pixels = ((PixelBatch)input).Pixels;
        if (!pixels.shape.AsSpan(1).SequenceEqual([ChannelCount, _imageSize, _imageSize]))
        {
            throw new ArgumentException(
                $"The pictures are a tensor of shape [{string.Join(", ", pixels.shape)}]; expected [N, {ChannelCount}, {_imageSize}, {_imageSize}]. "
                + $"Resize them to {_imageSize} × {_imageSize} pixels.", nameof(input));
        }

        var states = pixels.flatten(1); // [N, 3·H·W]
        for (var i = 0; i < _layers.Count; i++)
        {
            states = _layers[i].call(i == 0 ? states : _activation(states));
        }

        return states;
    }
}
