using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Interop;

namespace Microsoft.ML;

public static partial class NaturalGradientCatalog
{
    /// <summary>Saves a pipeline so that it can be used without TorchSharp: its fine-tuned models become ONNX graphs, the other steps stay as they are.</summary>
    /// <remarks>
    /// <c>mlContext.Model.Load</c> reads the file in an application that references the package NaturalGradient.MLNet.Onnx and neither this one nor libtorch. It adds the same columns;
    /// scores differ by rounding. The model itself stays as it is. The file is complete or it is not there: what was at its place is replaced at the end.
    /// </remarks>
    /// <param name="catalog">The catalog, <c>mlContext.Model</c>.</param>
    /// <param name="model">The fitted pipeline, or a single transformer; stays the caller's.</param>
    /// <param name="inputSchema">Schema of the rows that it reads; null to save none.</param>
    /// <param name="filePath">Path of the file.</param>
    /// <param name="options">How graphs are written; null for those that give the scores of the model.</param>
    /// <exception cref="ArgumentException">The pipeline has no model that this library trained.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    /// <exception cref="InvalidOperationException">A graph has 2 GB or more, which no saved model can hold.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static void SaveForServing(
        this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, string filePath, OnnxExportOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(filePath);
        var copy = Copy(catalog, model, options);
        AtomicFile.Write(filePath, stream => catalog.Save(copy, inputSchema, stream));
    }

    /// <summary>Saves a pipeline so that it can be used without TorchSharp, to a stream; see the method that takes a path.</summary>
    /// <param name="catalog">The catalog, <c>mlContext.Model</c>.</param>
    /// <param name="model">The fitted pipeline, or a single transformer; stays the caller's.</param>
    /// <param name="inputSchema">Schema of the rows that it reads; null to save none.</param>
    /// <param name="stream">Takes the zip; stays open.</param>
    /// <param name="options">How graphs are written; null for those that give the scores of the model.</param>
    /// <exception cref="ArgumentException">The pipeline has no model that this library trained.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; the message names it.</exception>
    /// <exception cref="InvalidOperationException">A graph has 2 GB or more, which no saved model can hold.</exception>
    /// <exception cref="ObjectDisposedException">The model is disposed.</exception>
    public static void SaveForServing(
        this ModelOperationsCatalog catalog, ITransformer model, DataViewSchema? inputSchema, Stream stream, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        catalog.Save(Copy(catalog, model, options), inputSchema, stream);
    }

    private static ITransformer Copy(ModelOperationsCatalog catalog, ITransformer model, OnnxExportOptions? options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(model);
        options ??= new OnnxExportOptions();
        options.Validate();
        var host = CatalogUtils.GetEnvironment(catalog).Register(nameof(SaveForServing));
        return ServingCopy.Of(host, model, options) ?? throw new ArgumentException(
            "The pipeline has no model that this library trained, so there is nothing to convert. Save it with mlContext.Model.Save.", nameof(model));
    }
}
