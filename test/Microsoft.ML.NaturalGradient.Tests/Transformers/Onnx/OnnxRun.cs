using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.OnnxRuntime;
using OnnxMessages;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>An exported graph in ONNX Runtime, in a folder that goes with it.</summary>
internal sealed class OnnxRun : IDisposable
{
    private readonly string _folder;
    private readonly bool _ownsFolder;
    private readonly InferenceSession _session;

    private OnnxRun(string folder, bool ownsFolder)
    {
        (_folder, _ownsFolder) = (folder, ownsFolder);
        using var options = new SessionOptions { IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        _session = new InferenceSession(Path.Combine(folder, OnnxFile.FileName), options);
    }

    /// <summary>The file as it was written.</summary>
    public ModelProto File => ModelProto.Parser.ParseFrom(System.IO.File.ReadAllBytes(Path.Combine(_folder, OnnxFile.FileName)));

    /// <summary>Bytes of the file.</summary>
    public long Length => new FileInfo(Path.Combine(_folder, OnnxFile.FileName)).Length;

    /// <summary>Names of the inputs.</summary>
    public IReadOnlyList<string> Inputs => _session.InputNames;

    /// <summary>The notes that readers find in the file.</summary>
    public IReadOnlyDictionary<string, string> Notes => _session.ModelMetadata.CustomMetadataMap;

    /// <summary>Opens an exported folder.</summary>
    public static OnnxRun Open(string folder) => new(folder, ownsFolder: false);

    /// <summary>Exports a network's outputs, and looks whether the file is right.</summary>
    public static OnnxRun Of(
        AdaptedNetwork network, OnnxPrecision precision = OnnxPrecision.Float32, OnnxPictureSize? pictures = null, long largest = long.MaxValue,
        int operators = OnnxGraph.NewestOperators)
    {
        var folder = Directory.CreateTempSubdirectory("onnx").FullName;
        using (no_grad())
        using (var save = FolderSave.Begin(folder))
        {
            var graph = new OnnxGraph(network, precision, operators);
            graph.Output("logits", network.Emit(graph, pictures));
            OnnxFile.Write(save, graph, [], largest);
            save.Commit([]);
        }

        var run = new OnnxRun(folder, ownsFolder: true);
        if (operators == OnnxGraph.NewestOperators)
        {
            OnnxChecker.Check(run.File); // knows the newest ones
        }

        return run;
    }

    /// <summary>Runs texts.</summary>
    /// <returns>The output, float32.</returns>
    public Tensor Run(TokenBatch batch, string output = "logits")
    {
        var all = new Dictionary<string, Tensor>
        {
            [OnnxTokens.IdsName] = batch.Ids,
            [OnnxTokens.MaskName] = batch.Mask,
            [OnnxTokens.TypeIdsName] = batch.TypeIds,
        };
        return Run(_session.InputNames.ToDictionary(name => name, name => OrtValue.CreateTensorValueFromMemory(all[name].contiguous().data<long>().ToArray(), all[name].shape)), output);
    }

    /// <summary>Runs pictures.</summary>
    /// <returns>The output, float32.</returns>
    public Tensor Run(Tensor pixels, string output = "logits") => Run(
        new Dictionary<string, OrtValue>
        {
            [OnnxPictureSize.InputName] = OrtValue.CreateTensorValueFromMemory(pixels.to(ScalarType.Float32).contiguous().data<float>().ToArray(), pixels.shape),
        },
        output);

    /// <summary>How often each operator is in what ONNX Runtime makes of the graph on this machine.</summary>
    public IReadOnlyDictionary<string, int> OptimizedOperators()
    {
        var path = Path.Combine(_folder, "optimized.onnx");
        using (var options = new SessionOptions { OptimizedModelFilePath = path, GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR })
        using (new InferenceSession(Path.Combine(_folder, OnnxFile.FileName), options))
        {
        }

        return ModelProto.Parser.ParseFrom(System.IO.File.ReadAllBytes(path)).Graph.Node.CountBy(node => node.OpType).OrderBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary();
    }

    /// <summary>Fails where probabilities differ by more than issue 21 allows.</summary>
    /// <param name="expected">Outputs of the network, [N, ..., C].</param>
    /// <param name="actual">Outputs of the graph.</param>
    /// <param name="tolerance">Largest difference of a probability.</param>
    public static void AssertSameProbabilities(Tensor expected, Tensor actual, double tolerance = 1e-5)
    {
        CollectionAssert.AreEqual(expected.shape, actual.shape);
        var difference = expected.to(ScalarType.Float64).softmax(-1).sub(actual.to(ScalarType.Float64).softmax(-1)).abs().max().item<double>();
        Fixture.AssertLess(tolerance, difference);
    }

    public void Dispose()
    {
        _session.Dispose();
        if (_ownsFolder)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    private Tensor Run(Dictionary<string, OrtValue> inputs, string output)
    {
        using var options = new RunOptions();
        using var results = _session.Run(options, inputs, [output]);
        foreach (var input in inputs.Values)
        {
            input.Dispose();
        }

        var shape = results[0].GetTensorTypeAndShape().Shape;
        return tensor(results[0].GetTensorDataAsSpan<float>().ToArray(), shape);
    }
}
