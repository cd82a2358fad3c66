using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Records what trainable layers did in a forward pass, so that one backward pass yields per-sample gradients.</summary>
/// <remarks>
/// TorchSharp has no backward hooks. The tape keeps each recorded output in the autograd graph and asks for the gradient of that
/// output, which is what a backward hook would have received. It belongs to one thread, like a dispose scope.
/// </remarks>
internal sealed class GradientTape : IDisposable
{
    [ThreadStatic]
    private static GradientTape? _current;

    private readonly List<Entry> _records = [];
    private readonly Dictionary<PackedRows, PackedRows> _packed = []; // what lives as long as the tape, by what the layers read

    /// <summary>The tape that this thread's layers record on; <see langword="null"/> outside <see cref="Start"/>.</summary>
    public static GradientTape? Current => _current;

    /// <summary>Makes this the current tape until the result is disposed.</summary>
    /// <returns>Ends the recording when disposed; the records stay.</returns>
    public IDisposable Start()
    {
        var recording = new Recording(_current);
        _current = this;
        return recording;
    }

    /// <summary>Whose hooks may record; null for none, so that only layers of this library do.</summary>
    public NetworkRecorder? Recorder { get; init; }

    /// <summary>Samples N of the batch, by which hooks tell what may be recorded.</summary>
    public long SampleCount { get; init; }

    /// <summary>The shapes of all recorded outputs, in order: what two passes of one structure have in common.</summary>
    public string Shapes => string.Join(';', _records.Select(record => string.Join(',', record.Output.shape)));

    /// <summary>Bytes of the outputs that were recorded, which is what the errors of one capture take.</summary>
    public long ByteCount => _records.Sum(record => record.Output.numel() * record.Output.ElementSize);

    /// <summary>Records a layer's output and the parameters it was made with.</summary>
    /// <param name="output">The layer output, in the graph; the tape takes it out of the caller's dispose scope and owns it.</param>
    /// <param name="uses">The parameters; the tape owns the objects.</param>
    /// <returns>An alias that the rest of the network must use instead of <paramref name="output"/>.</returns>
    public Tensor Record(Tensor output, params ParameterUse[] uses)
    {
        var packed = PackedRows.Current;
        if (packed is not null && !_packed.ContainsKey(packed))
        {
            _packed.Add(packed, packed.Keep());
        }

        _records.Add(new Entry(output.DetachFromDisposeScope(), uses, packed is null ? null : _packed[packed]));
        return output.alias();
    }

    /// <summary>Whether every one of these parameters was recorded.</summary>
    public bool Covers(IEnumerable<Parameter> parameters)
    {
        var recorded = new HashSet<Parameter>(_records.SelectMany(record => record.Uses).Select(use => use.Parameter), SameParameter.Comparer);
        return parameters.All(recorded.Contains);
    }

    /// <summary>Throws unless every one of these parameters was recorded.</summary>
    /// <exception cref="InvalidOperationException">One was not; the message tells which.</exception>
    public void CheckCovers(IReadOnlyList<Parameter> parameters)
    {
        var named = ParameterSet.Of(parameters);
        var missing = named.Where(parameter => !Covers([parameter])).Select(parameter => $"{named.NameOf(parameter)} {MessageText.Shape(parameter.shape)}").ToList();
        if (missing.Count > 0)
        {
            throw new InvalidOperationException(
                $"{missing.Count} of {parameters.Count} trainable parameters were recorded by no layer, so that there are no per-sample gradients of them: "
                + $"{string.Join(", ", missing)}. Let the layers that use them record on GradientTape.Current, or freeze them.");
        }
    }

    /// <summary>Runs a backward pass from the logits and pairs each record with the gradient of its output.</summary>
    /// <param name="logits">The logits of the recorded pass, [N, ...].</param>
    /// <param name="seeds">What to send back: one cotangent per sample, shaped like <paramref name="logits"/>.</param>
    /// <param name="keepGraph">Whether another pass through the same graph follows.</param>
    /// <returns>The captured gradients; the caller disposes them before the tape.</returns>
    /// <exception cref="InvalidOperationException">Nothing was recorded.</exception>
    public CapturedGradients Capture(Tensor logits, Tensor seeds, bool keepGraph = false)
    {
        if (_records.Count == 0)
        {
            throw new InvalidOperationException(
                "The gradient tape is empty. Run the model's forward pass between Start and Capture, with grad mode on.");
        }

        using var scope = NewDisposeScope();
        // Once asked for, an output keeps collecting its gradient in any other backward pass through the graph.
        _records.ForEach(record => record.Output.grad = null);
        // The form of backward with inputs reports errors as exceptions; autograd.grad would end the process.
        autograd.backward([logits], [seeds], keepGraph, false, [.. _records.Select(record => record.Output)]);
        var captured = new List<(ParameterUse Use, Tensor Error)>();
        foreach (var record in _records)
        {
            // The uses of one record share its tensor: that is how the weight and the bias of one layer are known to belong together.
            var error = record.TakeError().DetachFromDisposeScope();
            captured.AddRange(record.UsesApart.Select(use => (use, error)));
        }

        return new CapturedGradients(captured);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _records.ForEach(record => record.Dispose());
        _records.Clear();
        foreach (var packed in _packed.Values)
        {
            packed.Dispose();
        }

        _packed.Clear();
    }

    // Owns all.
    private sealed class Entry(Tensor output, ParameterUse[] uses, PackedRows? packed) : IDisposable
    {
        private ParameterUse[]? _usesApart;

        public Tensor Output => output;

        public ParameterUse[] Uses => uses;

        // With each row a sample.
        public ParameterUse[] UsesApart
        {
            get
            {
                using var noGrad = no_grad();
                return packed is null ? uses : _usesApart ??= Array.ConvertAll(uses, use => use.Apart(packed));
            }
        }

        public Tensor TakeError()
        {
            using var noGrad = no_grad();
            var error = (output.grad ?? zeros_like(output)).detach().Wide();
            output.grad = null;
            return packed is null ? error : packed.Unpack(error);
        }

        public void Dispose()
        {
            output.Dispose();
            Array.ForEach(uses, use => use.Dispose());
            Array.ForEach(_usesApart ?? [], use => use.Dispose());
        }
    }

    private sealed class Recording(GradientTape? previous) : IDisposable
    {
        public void Dispose() => _current = previous;
    }
}
