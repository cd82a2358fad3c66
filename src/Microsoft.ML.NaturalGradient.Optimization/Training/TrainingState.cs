using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>The state of a training run between two steps, in a file: numbers, trained weights, the optimizer's state, the generators.</summary>
/// <remarks>
/// A safetensors file whose metadata have the position, what the run is (<see cref="Identity"/>), and the SHA-256 of both and of all tensors.
/// </remarks>
internal sealed class TrainingState : IDisposable
{
    private const string PositionKey = "position";
    private const string IdentityKey = "identity";
    private const string HashKey = "sha256";
    private const string WeightsPrefix = "weights.";
    private const string KeptPrefix = "kept.";
    private const string GoodPrefix = "good.";
    private const string OptimizerPrefix = "optimizer.";
    private const string GoodOptimizerPrefix = "good-optimizer.";
    private const string RandomnessName = "randomness";
    private const int PieceElements = 1 << 20;

    private static readonly JsonSerializerOptions Json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly SafetensorsFile _file;

    private TrainingState(SafetensorsFile file)
    {
        _file = file;
        Position = Read<TrainingPosition>(PositionKey);
        Identity = Read<Dictionary<string, string>>(IdentityKey);
    }

    /// <summary>How far the run had come.</summary>
    public TrainingPosition Position { get; }

    /// <summary>What the run is: settings, data and base, by names for messages.</summary>
    public IReadOnlyDictionary<string, string> Identity { get; }

    /// <summary>Opens a state.</summary>
    /// <param name="path">Its file, which must not change before this object is disposed.</param>
    /// <returns>The state; the caller disposes it.</returns>
    /// <exception cref="InvalidDataException">It is damaged, or no such file.</exception>
    public static TrainingState Open(string path)
    {
        var file = SafetensorsFile.Open(path);
        try
        {
            var (position, identity) = (file.Metadata.GetValueOrDefault(PositionKey, ""), file.Metadata.GetValueOrDefault(IdentityKey, ""));
            return Hash(file.Names.Select(name => PartOf(file, name)), position, identity) == file.Metadata.GetValueOrDefault(HashKey)
                ? new TrainingState(file)
                : throw new InvalidDataException($"{file.Description} is damaged: its SHA-256 is not the one that it was saved with.");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes a state.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="position">How far the run has come.</param>
    /// <param name="identity">What the run is.</param>
    /// <param name="parameters">The trained weights.</param>
    /// <param name="kept">The weights of the epoch that is kept; null for none.</param>
    /// <param name="guard">The optimizer, and what can be gone back to.</param>
    /// <param name="randomness">Position of the model's generator; null where it has none.</param>
    public static void Write(
        Stream stream, TrainingPosition position, IReadOnlyDictionary<string, string> identity, IReadOnlyList<NamedParameter> parameters,
        WeightSnapshot? kept, DivergenceGuard guard, Tensor? randomness)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var optimizer = guard.Optimizer.SaveState();
        (string Name, Tensor Value)[] tensors =
        [
            .. parameters.Select(named => (WeightsPrefix + named.Name, named.Value.detach())),
            .. Named(KeptPrefix, kept?.Named),
            .. Named(GoodPrefix, guard.GoodWeights?.Named),
            .. Named(OptimizerPrefix, optimizer.Values.Select(part => (part.Key, part.Value))),
            .. Named(GoodOptimizerPrefix, guard.GoodState?.Values.Select(part => (part.Key, part.Value))),
            .. Named("", randomness is null ? null : [(RandomnessName, randomness)]),
        ];
        var parts = tensors.Select(tensor => SafetensorsWriter.PartOf(new SafetensorsEntry(tensor.Name, tensor.Value))).ToArray();
        var (positionText, identityText) = (JsonSerializer.Serialize(position, Json), JsonSerializer.Serialize(identity, Json));
        SafetensorsFormat.Write(stream, parts, new Dictionary<string, string>
        {
            [PositionKey] = positionText,
            [IdentityKey] = identityText,
            [HashKey] = Hash(parts, positionText, identityText),
        });
    }

    /// <summary>Puts the saved weights into a model, and its generator where it was.</summary>
    /// <param name="parameters">The trained weights; changed.</param>
    /// <param name="randomness">The model's generator; null where it has none.</param>
    /// <param name="guard">The guard, whose optimizer took no step yet; changed.</param>
    /// <returns>The weights of the epoch that is kept, owned by the caller; null for none.</returns>
    /// <exception cref="InvalidDataException">A weight or a part of the optimizer is missing, or has another shape.</exception>
    public WeightSnapshot? Restore(IReadOnlyList<NamedParameter> parameters, Generator? randomness, DivergenceGuard guard)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var kept = Position.HasKept ? SnapshotOf(parameters, KeptPrefix) : null;
        try
        {
            if (Position.Guard is { } guardPosition)
            {
                var hasGood = _file.Names.Any(name => name.StartsWith(GoodPrefix, StringComparison.Ordinal));
                using var optimizer = OptimizerOf(OptimizerPrefix);
                guard.Restore(guardPosition, optimizer, hasGood ? SnapshotOf(parameters, GoodPrefix) : null, hasGood ? OptimizerOf(GoodOptimizerPrefix) : null);
            }

            Fill(parameters, WeightsPrefix);
            randomness?.set_state(_file.Read(RandomnessName, ScalarType.Byte));

            return kept;
        }
        catch
        {
            kept?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static IEnumerable<(string Name, Tensor Value)> Named(string prefix, IEnumerable<(string Name, Tensor Value)>? tensors) =>
        tensors?.Select(tensor => (prefix + tensor.Name, tensor.Value)) ?? [];

    private static SafetensorsPart PartOf(SafetensorsFile file, string name)
    {
        var tensor = file.Describe(name);
        return new SafetensorsPart(name, tensor.Type, tensor.Shape, stream =>
        {
            var count = (tensor.End - tensor.Begin) / tensor.Type.Size();
            for (var first = 0L; first < count; first += PieceElements)
            {
                stream.Write(file.BytesOf(name, first, (int)Math.Min(PieceElements, count - first)));
            }
        });
    }

    private static string Hash(IEnumerable<SafetensorsPart> parts, string position, string identity) => ContentHash.Of(stream =>
    {
        foreach (var part in parts.OrderBy(part => part.Name, StringComparer.Ordinal))
        {
            stream.Write(Encoding.UTF8.GetBytes($"{part.Name}\n{part.Type}\n{string.Join(',', part.Shape)}\n"));
            part.Write(stream);
        }

        stream.Write(Encoding.UTF8.GetBytes($"{position}\n{identity}"));
    });

    private T Read<T>(string key)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(_file.Metadata.GetValueOrDefault(key, "null"), Json) ?? throw new JsonException("There is none.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{_file.Description} is no state of a training run: its '{key}' cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    private void Fill(IReadOnlyList<NamedParameter> parameters, string prefix)
    {
        foreach (var named in parameters)
        {
            _file.ReadInto(prefix + named.Name, named.Value);
        }
    }

    // The weights themselves serve as the place that the copies are made from; they are overwritten later.
    private WeightSnapshot SnapshotOf(IReadOnlyList<NamedParameter> parameters, string prefix)
    {
        Fill(parameters, prefix);
        return new WeightSnapshot(parameters);
    }

    private Optimization.OptimizerState OptimizerOf(string prefix) => new(_file.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .ToDictionary(name => name[prefix.Length..], name => _file.Read(name, _file.TypeOf(name)).DetachFromDisposeScope()));
}
