using System.Globalization;
using Microsoft.Extensions.AI;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Serving;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Vectors for texts from an encoder in ONNX Runtime, for whatever takes .NET's <see cref="IEmbeddingGenerator{TInput, TEmbedding}"/>.</summary>
/// <remarks>
/// Loads a folder that <c>SaveOnnxEmbeddings</c> wrote. Every vector has the length one, so that dot products are cosine similarities. Several threads may use one at once.
/// </remarks>
public sealed class OnnxEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private const int TextsAtOnce = 8 * TextPredictor.BatchSize; // between two looks at the cancellation

    private readonly GraphSession _session;
    private readonly TextPredictor _predictor;

    private OnnxEmbeddingGenerator(GraphSession session, TextPredictor predictor, EmbeddingGeneratorMetadata metadata) => (_session, _predictor, Metadata) = (session, predictor, metadata);

    /// <summary>Name of the model, its folder, and the length of its vectors.</summary>
    public EmbeddingGeneratorMetadata Metadata { get; }

    /// <summary>Loads a folder.</summary>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="options">How the graph is computed; null for the defaults.</param>
    /// <returns>The generator; disposed by the caller.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">A file of it is missing; the message names it.</exception>
    /// <exception cref="InvalidDataException">The folder has another kind of model, or a damaged one, or a tokenizer that does not belong to it; the message says what to do.</exception>
    public static OnnxEmbeddingGenerator Load(string folder, OnnxScoringOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options ??= new OnnxScoringOptions();
        options.Validate();
        var path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)); // whose last part is the name
        if (!Directory.Exists(path))
        {
            throw new DirectoryNotFoundException($"There is no folder '{path}'. Give one that SaveOnnxEmbeddings wrote.");
        }

        var source = GraphSource.InFolder(path);
        var notes = source.Facts.Notes;
        if (notes.GetValueOrDefault(ServedFolder.TaskNote) != EmbeddingNotes.Task)
        {
            throw new InvalidDataException($"{source.Description} gives no vectors for texts. Write it with SaveOnnxEmbeddings; ApplyNaturalGradientOnnx loads what SaveOnnx wrote.");
        }

        var (dimensions, maxTokens) = (Number(EmbeddingNotes.Dimensions), Number(ServedFolder.TokensNote));
        using var files = new FolderCheckpointFiles(path);
        var tokenizer = TokenizerFactory.Create(files, notes.GetValueOrDefault(ServedFolder.PreprocessorNote));
        var session = GraphSession.Load(source, EmbeddingNotes.Output, dimensions, options, () => new ObjectDisposedException(nameof(OnnxEmbeddingGenerator)));
        try
        {
            var predictor = new TextPredictor(new TokenGraph(session, source, tokenizer), new TextEncoding(tokenizer, maxTokens));
            return new OnnxEmbeddingGenerator(session, predictor, new EmbeddingGeneratorMetadata("onnx", new Uri(path), Path.GetFileName(path), dimensions));
        }
        catch
        {
            session.Dispose();
            throw;
        }

        int Number(string name) => int.TryParse(notes.GetValueOrDefault(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value : throw new InvalidDataException($"{source.Description} does not note '{name}', a number from 1 on. Give a folder that SaveOnnxEmbeddings wrote.");
    }

    /// <summary>Computes a vector for each text.</summary>
    /// <param name="values">The texts; long ones lose their end.</param>
    /// <param name="options">Null, or options whose number of dimensions is that of the model.</param>
    /// <param name="cancellationToken">Ends the computation between two batches.</param>
    /// <returns>One vector for each text, of length one, in their order; with the number of tokens.</returns>
    /// <exception cref="ArgumentException">A text is null, or vectors of another length are asked for.</exception>
    /// <exception cref="ObjectDisposedException">The generator is disposed.</exception>
    public Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values, EmbeddingGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        string[] texts = [.. values];
        if (Array.IndexOf(texts, null) is >= 0 and var missing)
        {
            throw new ArgumentException(FormattableString.Invariant($"Text {missing} is null. Leave it out, or give an empty one."), nameof(values));
        }

        if (options?.Dimensions is { } asked && asked != Metadata.DefaultModelDimensions)
        {
            throw new ArgumentException(FormattableString.Invariant($"The model gives vectors of {Metadata.DefaultModelDimensions} numbers, not {asked}."), nameof(options));
        }

        _session.ThrowIfDisposed();
        return Task.Run(() => Generate(texts, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null : serviceType == typeof(EmbeddingGeneratorMetadata) ? Metadata : serviceType.IsInstanceOfType(this) ? this : null;
    }

    /// <summary>Frees the graph. Calls of other threads end first; later ones throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => _session.Dispose();

    private GeneratedEmbeddings<Embedding<float>> Generate(string[] texts, CancellationToken cancellationToken)
    {
        var (encoding, created, tokens) = (_predictor.Encoding, DateTimeOffset.UtcNow, 0L);
        var result = new GeneratedEmbeddings<Embedding<float>>(texts.Length);
        foreach (var part in texts.Chunk(TextsAtOnce))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var rows = Array.ConvertAll(part, text => encoding.Tokenizer.Encode(text, null, encoding.MaxTokens));
            tokens += rows.Sum(row => (long)row.Ids.Length);
            result.AddRange(_predictor.Score(rows).Select(vector => new Embedding<float>(vector) { CreatedAt = created, ModelId = Metadata.DefaultModelId }));
        }

        result.Usage = new UsageDetails { InputTokenCount = tokens, TotalTokenCount = tokens };
        return result;
    }
}
