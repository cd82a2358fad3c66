namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>The files of one pretrained model, wherever they live: a folder, an assembly's resources, a saved model.</summary>
internal abstract class CheckpointFiles : IDisposable
{
    /// <summary>Name of the file that describes the model.</summary>
    public const string ConfigName = "config.json";

    /// <summary>Name of the file that holds the weights, unless an index divides them among several.</summary>
    public const string WeightsName = "model.safetensors";

    /// <summary>Most bytes of a file that holds no weights: ten times the largest vocabulary of today.</summary>
    public const long MaxSmallBytes = 1 << 28;

    /// <summary>Most bytes of a file of settings: ten times the largest of today, which lists the names of 21,843 classes.</summary>
    public const long MaxSettingBytes = 1 << 25;

    private static readonly string[] WeightEndings = [".safetensors", ".tsm", ".onnx"];

    /// <summary>Name of the file that says how pictures are prepared; a model that reads pictures has it.</summary>
    public const string PreprocessorName = "preprocessor_config.json";

    /// <summary>Name of the file of sentence-transformers that lists the encoder and what comes after it.</summary>
    public const string ModulesName = "modules.json";

    /// <summary>Name of the file of sentence-transformers that says which vector stands for a text.</summary>
    public const string PoolingName = "1_Pooling/config.json";

    /// <summary>Names of the files that hold a tokenizer's vocabulary; a model that reads texts has at least one.</summary>
    public static IReadOnlyList<string> VocabularyNames { get; } =
        ["tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "spm.model", "encoder.json"];

    /// <summary>Names of all files but the weights: what is kept with a trained model.</summary>
    public static IReadOnlyList<string> SmallNames { get; } =
    [
        ConfigName, PreprocessorName, .. VocabularyNames, "merges.txt", "vocab.bpe", "dict.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    ];

    /// <summary>Where the files are, in words for error messages.</summary>
    public abstract string Description { get; }

    /// <summary>Name of the file with the weights, where they are in one.</summary>
    public virtual string WeightsFile => WeightsName;

    /// <summary>How many first layers of the network in these files are used; null for all.</summary>
    public virtual int? KeptLayers => null;

    /// <summary>Whether the weights are in several files: there is no <see cref="WeightsName"/>, but there is an index.</summary>
    public bool IsSharded => !Exists(WeightsName) && Exists(SafetensorsIndex.FileName);

    /// <summary>Whether a file of this name is there.</summary>
    /// <param name="name">File name without a folder, for example <c>config.json</c>.</param>
    /// <returns>Whether it exists.</returns>
    public abstract bool Exists(string name);

    /// <summary>Opens a file for reading.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <returns>A readable stream; the caller disposes it.</returns>
    /// <exception cref="FileNotFoundException">There is no such file; the message names it and <see cref="Description"/>.</exception>
    /// <exception cref="InvalidDataException">The file is far longer than one of its name can be.</exception>
    public Stream Open(string name)
    {
        var stream = OpenFile(name);
        try
        {
            CheckLength(name, stream.Length, Describe(name));
            return stream;
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Reads a file as a whole.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <returns>Its content.</returns>
    /// <exception cref="FileNotFoundException">There is no such file; the message names it and <see cref="Description"/>.</exception>
    /// <exception cref="InvalidDataException">The file is far longer than one of its name can be.</exception>
    public byte[] Read(string name)
    {
        using var stream = Open(name);
        var content = stream.Length <= Array.MaxLength ? new byte[stream.Length] : throw new InvalidDataException(FormattableString.Invariant(
            $"{Describe(name)} has {stream.Length} bytes, more than the {Array.MaxLength} that can be read at once."));
        stream.ReadExactly(content);
        return content;
    }

    /// <summary>Reads those of the <see cref="SmallNames"/> that are there; JSON without what other programs do not read.</summary>
    /// <returns>Content by name.</returns>
    public IReadOnlyDictionary<string, byte[]> ReadSmallFiles() => SmallNames.Where(Exists)
        .ToDictionary(name => name, name => name.EndsWith(".json", StringComparison.Ordinal) ? JsonText.Clean(Read(name)) : Read(name));

    /// <summary>Opens a safetensors file without copying it where the storage allows.</summary>
    /// <param name="name">File name without a folder.</param>
    /// <returns>The opened file; the caller disposes it before this object.</returns>
    public abstract SafetensorsFile OpenSafetensors(string name);

    /// <summary>Opens the model's weights, whether in one file or, by an index, in several.</summary>
    /// <returns>The opened weights; the caller disposes them before this object.</returns>
    /// <exception cref="FileNotFoundException">There are no weights, or a part of them is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the index contradicts the files.</exception>
    public virtual ISafetensors OpenWeights() => IsSharded ? ShardedSafetensors.Open(this) : OpenSafetensors(WeightsName);

    /// <summary>Reads the index of the weights.</summary>
    /// <exception cref="FileNotFoundException">There is no index.</exception>
    /// <exception cref="InvalidDataException">The index is malformed, or names a file outside this place.</exception>
    public SafetensorsIndex ReadIndex() => SafetensorsIndex.Read(Read(SafetensorsIndex.FileName), Describe(SafetensorsIndex.FileName));

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Refuses a file that is far longer than one of its name can be, before any of it is read.</summary>
    /// <param name="name">Name of the file.</param>
    /// <param name="length">Its length in bytes.</param>
    /// <param name="description">The file, in words that begin the message.</param>
    /// <exception cref="InvalidDataException">It is too long.</exception>
    internal static void CheckLength(string name, long length, string description)
    {
        var most = Array.Exists(WeightEndings, ending => name.EndsWith(ending, StringComparison.Ordinal)) ? long.MaxValue
            : name.EndsWith(".json", StringComparison.Ordinal) && !VocabularyNames.Contains(name) ? MaxSettingBytes : MaxSmallBytes;
        if (length > most)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"{description} has {length} bytes; a file of this name has at most {most}. Get the model from a source that you trust."));
        }
    }

    /// <summary>Opens a file, however long it is.</summary>
    /// <inheritdoc cref="Open"/>
    protected abstract Stream OpenFile(string name);

    /// <summary>Whether a text is a file name without any folder, on every operating system.</summary>
    internal static bool IsPlainName(string name) =>
        name.Length > 0 && name.AsSpan().IndexOfAny(['/', '\\', ':', '\0']) < 0 && name.Trim('.', ' ').Length > 0;

    /// <summary>A file in words for error messages.</summary>
    protected string Describe(string name) => $"'{name}' of {Description}";

    /// <summary>The error for a file that is not there.</summary>
    protected FileNotFoundException NotFound(string name) => new($"There is no '{name}' in {Description}.", name);
}
