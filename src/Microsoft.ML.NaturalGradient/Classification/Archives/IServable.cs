using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>A transformer whose network can be written as an ONNX graph.</summary>
internal interface IServable
{
    /// <summary>All that is needed to score, but the network.</summary>
    ServedModel Served { get; }

    /// <summary>Writes the network as a graph, with all weights in it.</summary>
    /// <param name="options">Settings, checked.</param>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    byte[] WriteGraph(OnnxExportOptions options);
}
