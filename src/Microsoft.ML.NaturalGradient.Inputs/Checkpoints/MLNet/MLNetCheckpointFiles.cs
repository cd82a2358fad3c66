using System.Text.Json;
using System.Text.Json.Nodes;

namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>A model that ML.NET's trainers download, as if it were a checkpoint of a hub: its configuration is found out from its tensors.</summary>
internal sealed class MLNetCheckpointFiles : CheckpointFiles
{
    private const string TokenizerConfigName = "tokenizer_config.json";
    private const int MaxTokens = 512; // ML.NET cuts texts there

    private readonly string _path;
    private readonly MLNetModel _model;
    private readonly Func<string, Stream> _vocabulary;
    private readonly Dictionary<string, byte[]> _made;

    /// <summary>Reads how the network is made.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Path of its weights, which exist.</param>
    /// <param name="vocabulary">Opens the files of <see cref="MLNetVocabulary.Names"/>.</param>
    /// <exception cref="InvalidDataException">The weights are damaged, or not those of the model.</exception>
    public MLNetCheckpointFiles(MLNetModel model, string path, Func<string, Stream> vocabulary)
    {
        (_model, _path, _vocabulary) = (model, path, vocabulary);
        using var weights = TorchSharpFile.Open(path);
        var isRoberta = model == MLNetModel.Roberta;
        _made = new(StringComparer.Ordinal)
        {
            [ConfigName] = JsonSerializer.SerializeToUtf8Bytes(isRoberta ? RobertaLayout.Describe(weights) : NasBertLayout.Describe(weights)),
            [TokenizerConfigName] = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
            {
                ["tokenizer_class"] = isRoberta ? "EnglishRobertaTokenizer" : "NasBertTokenizer",
                ["model_max_length"] = MaxTokens,
            }),
        };
    }

    /// <inheritdoc/>
    public override string Description => $"ML.NET's model in '{_path}'";

    /// <inheritdoc/>
    public override string WeightsFile => Path.GetFileName(_path);

    /// <summary>Looks for a model's files.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">Path of the weights or of their folder; null to look where ML.NET keeps them.</param>
    /// <returns>The files; the caller disposes them.</returns>
    /// <exception cref="FileNotFoundException">The weights, or the files of the tokenizer, are not there; the message says what to do.</exception>
    /// <exception cref="InvalidDataException">The weights are damaged, or not those of the model.</exception>
    public static MLNetCheckpointFiles Open(MLNetModel model, string? path)
    {
        var weights = MLNetFolders.Find(model, path, Environment.GetEnvironmentVariable);
        return new MLNetCheckpointFiles(model, weights, MLNetVocabulary.Find(Path.GetDirectoryName(weights)!));
    }

    /// <inheritdoc/>
    public override bool Exists(string name) => _made.ContainsKey(name) || MLNetVocabulary.Names.Contains(name) || name == WeightsFile;

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) => throw NotFound(name);

    /// <inheritdoc/>
    public override ISafetensors OpenWeights() => new MLNetWeights(TorchSharpFile.Open(_path), _model);

    /// <inheritdoc/>
    public override void Dispose()
    {
        // Nothing is held open.
    }

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) => _made.TryGetValue(name, out var content) ? new MemoryStream(content, writable: false)
        : MLNetVocabulary.Names.Contains(name) ? _vocabulary(name)
        : name == WeightsFile ? RegularFile.OpenRead(_path)
        : throw NotFound(name);
}
