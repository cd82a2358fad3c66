using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>A checkpoint of an encoder as if it had been saved without its upper layers.</summary>
/// <remarks>
/// Its configuration says how many layers there are, and its weights are those of these layers and of what is beside them. So all that reads or
/// saves a checkpoint needs to know nothing of it. Every supported encoder calls a layer's weights by a name such as <c>encoder.layer.7.</c>.
/// </remarks>
internal sealed partial class FirstLayers : CheckpointFiles
{
    private const string TypesField = "layer_types"; // one value for each layer, which newer files of some architectures have

    private static readonly string[] CountFields = ["num_hidden_layers", "n_layers"];
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    private readonly CheckpointFiles _all;
    private readonly int _count;
    private readonly byte[] _config;

    /// <summary>Leaves out the upper layers.</summary>
    /// <param name="files">The whole checkpoint; owned by this object, unless an exception is thrown.</param>
    /// <param name="count">Layers to keep, at least one.</param>
    /// <exception cref="InvalidOperationException">It has fewer.</exception>
    /// <exception cref="NotSupportedException">Its configuration has no number of layers of an encoder.</exception>
    /// <exception cref="InvalidDataException">Its configuration is damaged.</exception>
    public FirstLayers(CheckpointFiles files, int count)
    {
        (_all, _count) = (files, count);
        var config = JsonText.ParseObject(files.Read(ConfigName), Describe(ConfigName));
        var field = Array.Find(CountFields, config.ContainsKey)
            ?? throw new NotSupportedException($"{Describe(ConfigName)} has no {CountFields[0]}: this is no encoder whose layers can be counted. Leave PretrainedModel.Layers unset.");
        var all = ModelConfig.Read(files).RequireInt(field);
        if (count > all)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"PretrainedModel.Layers is {count}, but the network of {files.Description} has {all} layers. Set at most {all}, or leave it unset for all."));
        }

        config[field] = count;
        if (config[TypesField] is JsonArray types)
        {
            while (types.Count > count)
            {
                types.RemoveAt(count);
            }
        }

        _config = JsonSerializer.SerializeToUtf8Bytes(config, Indented);
    }

    /// <inheritdoc/>
    public override int? KeptLayers => _count;

    /// <inheritdoc/>
    public override string Description => _all.Description;

    /// <inheritdoc/>
    public override string WeightsFile => _all.WeightsFile;

    /// <inheritdoc/>
    public override bool Exists(string name) => _all.Exists(name);

    /// <inheritdoc/>
    public override SafetensorsFile OpenSafetensors(string name) => _all.OpenSafetensors(name);

    /// <inheritdoc/>
    public override ISafetensors OpenWeights() => new Kept(_all.OpenWeights(), _count);

    /// <inheritdoc/>
    public override void Dispose() => _all.Dispose();

    /// <inheritdoc/>
    protected override Stream OpenFile(string name) => name == ConfigName ? new MemoryStream(_config, writable: false) : _all.Open(name);

    /// <summary>The place of the layer that a weight belongs to.</summary>
    /// <param name="name">The weight's name in a checkpoint of an encoder.</param>
    /// <returns>From 0; null for a weight of no layer.</returns>
    public static int? LayerOf(string name) => LayerName().Match(name) is { Success: true } match
        ? int.Parse(match.Groups["place"].ValueSpan, CultureInfo.InvariantCulture)
        : null;

    [GeneratedRegex(@"(?:^|\.)(?:layer|layers|Layers)\.(?<place>[0-9]{1,5})\.", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex LayerName();

    /// <summary>The weights of the layers that are kept, and those of no layer.</summary>
    private sealed class Kept(ISafetensors all, int count) : ISafetensors
    {
        public string Description => all.Description;

        public IReadOnlyCollection<string> Names { get; } = [.. all.Names.Where(name => IsKept(name, count))];

        public bool Contains(string name) => IsKept(name, count) && all.Contains(name);

        public string FileOf(string name) => all.FileOf(name);

        public SafetensorsTensor Describe(string name) => all.Describe(name);

        public ReadOnlySpan<byte> BytesOf(string name, long first, int length) => all.BytesOf(name, first, length);

        public void Dispose() => all.Dispose();

        private static bool IsKept(string name, int count) => LayerOf(name) is not { } layer || layer < count;
    }
}
