using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.NaturalGradient.Serving;

/// <summary>A graph that ONNX Runtime has loaded. Several threads may use it at once, and any of them may dispose it meanwhile.</summary>
internal sealed class GraphSession : IDisposable
{
    /// <summary>Name of the output that every graph has.</summary>
    public const string Logits = "logits";

    /// <summary>Name of the output with predictions, where they are not the logits themselves.</summary>
    public const string Probabilities = "probabilities";

    private readonly InferenceSession _session;
    private readonly UseGate _gate;
    private readonly string _description;
    private readonly string _output;

    private GraphSession(InferenceSession session, string description, string output, Func<ObjectDisposedException> disposed)
    {
        (_session, _description, _output) = (session, description, output);
        _gate = new UseGate(session.Dispose, disposed);
    }

    /// <summary>Loads a graph.</summary>
    /// <param name="source">The graph.</param>
    /// <param name="format">What it predicts.</param>
    /// <param name="options">How it is computed.</param>
    /// <returns>The session; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">ONNX Runtime cannot load it, or it does not put out what is asked of it; the message says why.</exception>
    public static GraphSession Load(GraphSource source, PredictionFormat format, OnnxScoringOptions options) => Load(
        source, format.Kind == LabelKind.Number || format.Kind == LabelKind.Answer ? Logits : Probabilities, format.OutputCount, options, Disposed);

    /// <summary>Loads a graph for one of its outputs.</summary>
    /// <param name="source">The graph.</param>
    /// <param name="output">Name of the output.</param>
    /// <param name="count">Numbers in its last dimension.</param>
    /// <param name="options">How it is computed.</param>
    /// <param name="disposed">The error of whoever uses it after its end.</param>
    /// <returns>The session; owned by the caller.</returns>
    /// <exception cref="InvalidDataException">ONNX Runtime cannot load it, or it does not put out what is asked of it; the message says why.</exception>
    public static GraphSession Load(GraphSource source, string output, int count, OnnxScoringOptions options, Func<ObjectDisposedException> disposed)
    {
        var session = Open(source, options);
        try
        {
            CheckOutput(session, source.Description, output, count);
            return new GraphSession(session, source.Description, output, disposed);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Shape of an input; null where the graph has no such input.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>Its sizes; −1 for those that are free.</returns>
    public int[]? ShapeOf(string name) => _session.InputMetadata.TryGetValue(name, out var input) ? input.Dimensions : null;

    /// <summary>Checks that the graph reads what it will be given.</summary>
    /// <param name="type">Type of the numbers.</param>
    /// <param name="required">Inputs that it has to have.</param>
    /// <param name="optional">Inputs that it may have beside them.</param>
    /// <exception cref="InvalidDataException">It does not; the message names the input.</exception>
    public void CheckInputs(Type type, string[] required, string[] optional)
    {
        if (Array.Find(required, name => !_session.InputMetadata.ContainsKey(name)) is { } missing)
        {
            throw Wrong($"has no input '{missing}'; its inputs are {Names(_session.InputMetadata.Keys)}");
        }

        foreach (var (name, input) in _session.InputMetadata)
        {
            if (!required.Contains(name) && !optional.Contains(name))
            {
                throw Wrong($"has an input '{name}' for which there is no value");
            }

            if (!input.IsTensor || input.ElementType != type)
            {
                throw Wrong($"reads '{name}' as {(input.IsTensor ? input.ElementType.Name : "something that is no tensor")} and not as {type.Name}");
            }
        }
    }

    /// <summary>The error for a graph that is not what was expected.</summary>
    /// <param name="what">What it does instead.</param>
    public InvalidDataException Wrong(string what) => Wrong(_description, what);

    /// <summary>Throws if the session is disposed.</summary>
    /// <exception cref="ObjectDisposedException">It is.</exception>
    public void ThrowIfDisposed() => _gate.ThrowIfDisposed();

    /// <summary>Computes the predictions of a batch.</summary>
    /// <param name="rows">Rows N.</param>
    /// <param name="inputs">The inputs by name; those that the graph does not have are left out.</param>
    /// <returns>N arrays of predictions.</returns>
    /// <exception cref="InvalidOperationException">ONNX Runtime fails, or a prediction is not finite.</exception>
    /// <exception cref="ObjectDisposedException">The session is disposed.</exception>
    public float[][] Run(int rows, IReadOnlyDictionary<string, OrtValue> inputs)
    {
        using var use = _gate.Use();
        using var options = new RunOptions();
        var given = inputs.Where(input => _session.InputMetadata.ContainsKey(input.Key)).ToDictionary();
        try
        {
            using var results = _session.Run(options, given, [_output]);
            var values = results[0].GetTensorDataAsSpan<float>().ToArray();
            return Array.TrueForAll(values, float.IsFinite) ? [.. values.Chunk(values.Length / rows)] : throw new InvalidOperationException(
                $"{_description} gives a prediction that is not finite. Its weights are damaged, or have too few bits for this model: export it again, with float32.");
        }
        catch (OnnxRuntimeException e)
        {
            throw new InvalidOperationException($"{_description} cannot be computed. {e.Message}", e);
        }
    }

    /// <summary>Frees the graph when running uses have ended. Does not wait for them.</summary>
    public void Dispose() => _gate.Dispose();

    private static InferenceSession Open(GraphSource source, OnnxScoringOptions options)
    {
        try
        {
            using var settings = new SessionOptions
            {
                GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
                EnableMemoryPattern = false, // batches have all shapes, and a plan is kept for each
                LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
            };
            if (options.ThreadCount is { } threads)
            {
                settings.IntraOpNumThreads = threads;
            }

            return source.Graph.Load(settings);
        }
        catch (OnnxRuntimeException e)
        {
            var version = typeof(InferenceSession).Assembly.GetName().Version;
            throw new InvalidDataException(
                $"{source.Description}, of operator set {FormattableString.Invariant($"{source.Facts.Opset}")}, cannot be loaded by ONNX Runtime {version?.ToString(3)}. {e.Message.Trim()} "
                + "Where it is newer than the runtime, reference a newer Microsoft.ML.OnnxRuntime or export it again; else copy it again.", e);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException or EntryPointNotFoundException)
        {
            throw new InvalidOperationException("ONNX Runtime's native library cannot be loaded. Reference the package Microsoft.ML.OnnxRuntime, for a platform that it supports.", e);
        }
    }

    private static void CheckOutput(InferenceSession session, string description, string name, int count)
    {
        if (!session.OutputMetadata.TryGetValue(name, out var output))
        {
            throw Wrong(description, $"has no output '{name}'; its outputs are {Names(session.OutputMetadata.Keys)}");
        }

        if (!output.IsTensor || output.ElementDataType != TensorElementType.Float)
        {
            throw Wrong(description, $"puts out '{name}' as {(output.IsTensor ? output.ElementDataType : "something that is no tensor")} and not as Float");
        }

        if (output.Dimensions is [.., > 0 and var last] && last != count)
        {
            throw Wrong(description, FormattableString.Invariant($"puts out {last} numbers, but its description names {count}"));
        }
    }

    private static InvalidDataException Wrong(string description, string what) => new(
        $"{description} {what}. Give one that SaveOnnx or SaveForServing wrote, with the files beside it.");

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    private static ObjectDisposedException Disposed() => new(
        nameof(NaturalGradientOnnxTransformer),
        "The model is disposed. Dispose a transformer after its last use. A PredictionEngine disposes the transformer with itself: create "
        + "engines that share one with mlContext.Model.CreatePredictionEngine<TSrc, TDst>(model, new PredictionEngineOptions { OwnsTransformer = false }).");
}
