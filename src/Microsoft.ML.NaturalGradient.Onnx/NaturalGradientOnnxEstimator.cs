using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Serving;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Scores rows with a fine-tuned model of a folder that <c>SaveOnnx</c> wrote; created by <c>mlContext.Transforms.ApplyNaturalGradientOnnx</c>.</summary>
/// <remarks>There is nothing to learn: <see cref="Fit"/> loads the model. Each call loads it anew, and the caller disposes the transformer.</remarks>
public sealed class NaturalGradientOnnxEstimator : IEstimator<NaturalGradientOnnxTransformer>
{
    private readonly IHostEnvironment _environment;
    private readonly IHost _host;
    private readonly string _folder;
    private readonly ServedModel _model;
    private readonly IReadOnlyDictionary<string, string> _notes; // of the graph that the model describes
    private readonly OnnxScoringOptions _options;

    internal NaturalGradientOnnxEstimator(IHostEnvironment environment, string folder, ServedColumns columns, OnnxScoringOptions options)
    {
        _environment = environment;
        _host = environment.Register(nameof(NaturalGradientOnnxEstimator));
        (_folder, _options) = (folder, options);
        using var files = new FolderCheckpointFiles(folder);
        using var source = GraphSource.InFolder(folder);
        _notes = source.Facts.Notes;
        _model = ServedFolder.Read(files, _notes, columns);
        _model.Columns.Target.CheckNames(_model.Columns.Features);
    }

    /// <summary>Loads the model.</summary>
    /// <param name="input">Rows with the columns that it reads.</param>
    /// <returns>The transformer that adds the predictions; the caller disposes it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    /// <exception cref="FileNotFoundException">A file of the folder is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or files do not belong together; the message says which. Or another model was saved in the folder meanwhile.</exception>
    public NaturalGradientOnnxTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        _model.Columns.CheckFeatures(_host, SchemaShape.Create(input.Schema));
        var source = GraphSource.InFolder(_folder);
        if (source.Facts.Notes.Count != _notes.Count || source.Facts.Notes.Any(note => _notes.GetValueOrDefault(note.Key) != note.Value))
        {
            source.Dispose();
            throw new InvalidDataException($"Another model was saved in '{_folder}' since this estimator was made. Make it again with ApplyNaturalGradientOnnx.");
        }

        return new NaturalGradientOnnxTransformer(_environment, _model, source, _options);
    }

    /// <inheritdoc/>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        _model.Columns.CheckFeatures(_host, inputSchema);
        var builder = new DataViewSchema.Builder();
        foreach (var output in _model.Outputs(builder.ToSchema()))
        {
            builder.AddColumn(output.Name, output.Type, output.Annotations);
        }

        var added = SchemaShape.Create(builder.ToSchema());
        return new SchemaShape(inputSchema.Where(column => !added.TryFindColumn(column.Name, out _)).Concat(added));
    }
}
