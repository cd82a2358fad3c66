using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Forward passes that a caller gives, with labels: all of it is checked before anything is made of it.</summary>
internal sealed class CheckedPasses : IDisposable
{
    private readonly ParameterSet _parameters;
    private readonly BatchCheck _check;
    private readonly IObjective _objective;
    private readonly NetworkRecorder? _recorder;
    private readonly Dictionary<string, bool> _agreements = [];
    private bool _isReached; // whether all parameters are known to take part in the output

    /// <summary>Starts without a batch.</summary>
    /// <param name="parameters">The parameters whose gradients are asked for, each once.</param>
    /// <param name="check">What a batch has to fulfil.</param>
    /// <param name="network">Whose layers record; null where none does, so that per-sample gradients take a pass for each sample.</param>
    public CheckedPasses(ParameterSet parameters, BatchCheck check, nn.Module? network)
    {
        _parameters = parameters;
        _check = check;
        _objective = check.ClassCount is null ? new SquaredError() : new SoftmaxCrossEntropy();
        _recorder = network is null ? null : new NetworkRecorder(network, parameters);
    }

    /// <summary>Whether the last per-sample gradients come from what layers recorded; null before there were any.</summary>
    public bool? UsesRecordedLayers { get; private set; }

    /// <summary>Runs a forward pass. The gradients that the parameters hold are set aside meanwhile, by whoever disposes the result.</summary>
    /// <param name="forward">Computes the logits.</param>
    /// <param name="labels">The labels.</param>
    /// <param name="perSampleGradients">Whether per-sample gradients are asked for.</param>
    /// <param name="adviceOnLoss">What to do where the loss is not finite.</param>
    /// <param name="rowWeights">How often each row counts, [N]; null for once each.</param>
    /// <returns>The evaluated batch; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">Logits or labels have the wrong shape, type or values.</exception>
    /// <exception cref="InvalidOperationException">The loss is not finite, or a parameter does not take part in the logits.</exception>
    public BatchEvaluation Run(Func<Tensor> forward, Tensor labels, bool perSampleGradients, string adviceOnLoss, Tensor? rowWeights = null)
    {
        _check.Labels(labels);
        BatchCheck.RowWeights(rowWeights, labels);
        var evaluation = BatchEvaluation.Run(_objective, labels, perSampleGradients, () => _check.Logits(forward(), labels), recorder: _recorder,
            allowsSingleSamples: true, rowWeights: rowWeights);
        try
        {
            BatchCheck.Graph(evaluation.Logits);
            if (evaluation.MeanLoss is var loss && !double.IsFinite(loss))
            {
                throw new InvalidOperationException(FormattableString.Invariant($"The loss is {loss}. {adviceOnLoss}"));
            }

            if (!_isReached)
            {
                ParameterCheck.Reached(evaluation.Logits, _parameters);
                _isReached = true;
            }

            if (perSampleGradients)
            {
                evaluation.Trained = _parameters;
                if (_recorder is not null)
                {
                    evaluation.CheckRecords(_agreements);
                }

                UsesRecordedLayers = evaluation.UsesRecords;
            }

            return evaluation;
        }
        catch
        {
            evaluation.Dispose();
            throw;
        }
    }

    /// <summary>Takes the hooks off the network.</summary>
    public void Dispose() => _recorder?.Dispose();
}
