using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Layers;
using Microsoft.ML.NaturalGradient.Training;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>A text encoder with a classification head: one logit per class.</summary>
internal sealed class TextClassifier : nn.Module, IEncoderClassifier
{
    private readonly Generator _generator;
    private readonly int _promptLength;

    [ComponentName(Name = "encoder")]
    private readonly TextEncoder _encoder;

    [ComponentName(Name = "head")]
    private readonly ClassificationHead _head;

    /// <summary>Creates a classifier whose encoder is frozen but for what the adapter trains.</summary>
    /// <param name="encoder">The encoder; owned by this object from now on.</param>
    /// <param name="classCount">Classes C.</param>
    /// <param name="adapter">What is trained besides the head.</param>
    /// <param name="seed">Seed of the head's and the adapter's initial values and of dropout.</param>
    /// <param name="headWeights">The checkpoint's own head, as a safetensors file; null for a fresh head.</param>
    /// <exception cref="InvalidDataException"><paramref name="headWeights"/> does not fit the architecture.</exception>
    public TextClassifier(TextEncoder encoder, int classCount, AdapterOptions adapter, long seed, byte[]? headWeights = null)
        : base(nameof(TextClassifier))
    {
        // A generator of its own: the global one is shared by all trainers of the process.
        _generator = new Generator((ulong)seed, CPU);
        _encoder = encoder;
        _head = new ClassificationHead(encoder.Head, encoder.HiddenSize, classCount, _generator);
        foreach (var parameter in encoder.parameters())
        {
            parameter.requires_grad = false;
        }

        if (headWeights is not null)
        {
            using var file = SafetensorsFile.FromMemory(headWeights, "The classification head of the checkpoint");
            _head.Load(file);
        }

        _promptLength = adapter.PromptLength;
        adapter.Attach(encoder, _generator);
        RegisterComponents();
        adapter.Restore(this);
    }

    /// <summary>The encoder.</summary>
    public TextEncoder Encoder => _encoder;

    Encoder IEncoderClassifier.Encoder => _encoder;

    /// <inheritdoc/>
    /// <remarks>Read anew each time, since a conversion of type or device replaces the parameters.</remarks>
    public IReadOnlyList<NamedParameter> TrainableParameters => [.. Named().Where(named => named.Value.requires_grad)];

    /// <summary>The parameters that stay as they were loaded.</summary>
    public IEnumerable<NamedParameter> FrozenParameters => Named().Where(named => !named.Value.requires_grad);

    /// <summary>Moves all parameters to a device, outside the caller's dispose scope.</summary>
    /// <param name="device">The device.</param>
    public void MoveTo(Device device)
    {
        _ = this.to(device);
        foreach (var parameter in parameters())
        {
            parameter.DetachFromDisposeScope();
        }
    }

    /// <summary>Changes the head so that every output z becomes scale · z + shift.</summary>
    /// <param name="scale">The scale.</param>
    /// <param name="shift">The shift.</param>
    public void RescaleOutputs(double scale, double shift) => _head.RescaleOutputs(scale, shift);

    /// <inheritdoc/>
    public void SetTraining(bool training) => train(training);

    /// <inheritdoc/>
    public Tensor Forward(ModelInput input) // [N, C]
    {
        var batch = (TokenBatch)input;
        return _head.call(_encoder.Pool(_promptLength > 0 ? batch.WithPrompt(_promptLength) : batch));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _generator.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>All parameters by their checkpoint names: the encoder's field is called by its prefix, adapters leave no trace.</summary>
    private IEnumerable<NamedParameter> Named()
    {
        foreach (var (name, module) in _encoder.named_modules().Append(("", _encoder)))
        {
            var path = name.Length == 0 ? _encoder.Prefix : $"{_encoder.Prefix}.{name}";
            if (module is Adaptation.LinearAdapter adapter)
            {
                var layer = path[..^(LinearLayer.AdapterName.Length + 1)];
                foreach (var (suffix, value) in adapter.Weights)
                {
                    yield return new NamedParameter($"{layer}.{suffix}", value);
                }
            }
            else if (module is Adaptation.PromptAdapter prompt)
            {
                yield return new NamedParameter(Adaptation.PromptAdapter.CheckpointName, prompt.Vectors);
            }
            else
            {
                foreach (var (local, value) in module.named_parameters(recurse: false))
                {
                    yield return new NamedParameter($"{path}.{local}", module is LinearLayer layer && local == "weight" ? layer.OwnWeight : value);
                }
            }
        }

        foreach (var named in _head.Named)
        {
            yield return named;
        }
    }
}
