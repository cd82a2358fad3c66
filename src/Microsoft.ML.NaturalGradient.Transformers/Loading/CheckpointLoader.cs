using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Training;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Fills a model's parameters from a file, by name.</summary>
/// <remarks>
/// The same encoder is saved as <c>bert.encoder...</c> by a classifier and as <c>encoder...</c> by the bare model, so names are
/// compared without prefix, and the prefix of the file is the one that finds most of them.
/// </remarks>
internal static class CheckpointLoader
{
    /// <summary>Loads parameters; see the other overload.</summary>
    /// <inheritdoc cref="Load(IEnumerable{ValueTuple{string, Tensor}}, ISafetensors, IReadOnlyList{string}, Func{string, bool}?)"/>
    public static CheckpointLoadResult Load(
        IEnumerable<NamedParameter> parameters,
        ISafetensors file,
        IReadOnlyList<string> prefixes,
        Func<string, bool>? optional = null) =>
        Load(parameters.Select(parameter => (parameter.Name, (Tensor)parameter.Value)), file, prefixes, optional);

    /// <summary>Loads parameters, all of them or none.</summary>
    /// <param name="parameters">
    /// What to fill, with different names; a name may carry one of the prefixes, whichever the file has.
    /// </param>
    /// <param name="file">Where from; its tensors are converted to the parameters' types.</param>
    /// <param name="prefixes">
    /// Prefixes that the file's names may carry, such as <c>bert.</c>; no prefix is always tried, and names such as
    /// <c>classifier.weight</c> that never carry one are found too.
    /// </param>
    /// <param name="optional">Which parameters, by name, may be absent; null for none.</param>
    /// <returns>What was found, missing and left over.</returns>
    /// <exception cref="InvalidDataException">
    /// Parameters are absent, or have another shape or kind of number; the message lists them, and no parameter was changed. Or values are not finite, which
    /// only reading them shows; the message names the first weight.
    /// </exception>
    public static CheckpointLoadResult Load(
        IEnumerable<(string Name, Tensor Value)> parameters,
        ISafetensors file,
        IReadOnlyList<string> prefixes,
        Func<string, bool>? optional = null)
    {
        var (prefix, found, missing) = Match(parameters, file, prefixes, optional);
        foreach (var (_, value, stored) in found)
        {
            file.ReadInto(stored, value);
            if (!value.IsFinite())
            {
                throw new InvalidDataException(
                    $"{file.Description}: the weight '{stored}' has values that are not finite{(file.TypeOf(stored) == value.dtype ? "" : $" in {value.dtype}")}. "
                    + "Fetch the model's files again, or train it again.");
            }
        }
        return new CheckpointLoadResult
        {
            Prefix = prefix,
            Missing = missing,
            Unused = [.. file.Names.Except(found.Select(entry => entry.Stored))],
            StoredTypes = found.ToDictionary(entry => entry.Name, entry => file.TypeOf(entry.Stored)),
        };
    }

    /// <summary>Compares parameters, which need no memory for it, with a file as the other methods do, but reads nothing.</summary>
    /// <param name="parameters">What a file is to fill.</param>
    /// <param name="file">The file.</param>
    /// <param name="prefixes">Prefixes that its names may carry.</param>
    /// <param name="elsewhere">Shapes, by name, of the parameters that another file holds and that may be absent here; null for none.</param>
    /// <exception cref="InvalidDataException">Parameters are absent, or have another shape or kind of number; the message lists them.</exception>
    public static void Check(
        IEnumerable<(string Name, Tensor Value)> parameters,
        ISafetensors file,
        IReadOnlyList<string> prefixes,
        IReadOnlyDictionary<string, IReadOnlyList<long>>? elsewhere)
    {
        var wanted = parameters.ToArray();
        var missing = Match(wanted, file, prefixes, name => elsewhere?.ContainsKey(name) == true).Missing.ToHashSet(StringComparer.Ordinal);
        var problems = wanted.Where(parameter => missing.Contains(parameter.Name))
            .SelectMany(parameter => ShapeMismatch(parameter.Name, elsewhere![parameter.Name], parameter.Value)).ToList();
        if (problems.Count > 0)
        {
            throw DoesNotFit(file, problems, wanted.Length);
        }
    }

    private static (string Prefix, List<(string Name, Tensor Value, string Stored)> Found, List<string> Missing) Match(
        IEnumerable<(string Name, Tensor Value)> parameters, ISafetensors file, IReadOnlyList<string> prefixes, Func<string, bool>? optional)
    {
        var wanted = parameters.ToArray();
        var prefix = DetectPrefix(wanted.Select(parameter => parameter.Name), file, prefixes);
        var found = new List<(string Name, Tensor Value, string Stored)>();
        var missing = new List<string>();
        var problems = new List<string>();
        foreach (var (name, value) in wanted)
        {
            if (Find(file, name, prefix, prefixes) is { } stored)
            {
                found.Add((name, value, stored));
                problems.AddRange(Mismatch(file, stored, value));
            }
            else if (optional?.Invoke(name) == true)
            {
                missing.Add(name);
            }
            else
            {
                problems.Add($"{name} is missing");
            }
        }
        return problems.Count == 0 ? (prefix, found, missing) : throw DoesNotFit(file, problems, wanted.Length);
    }

    private static string DetectPrefix(IEnumerable<string> names, ISafetensors file, IReadOnlyList<string> prefixes)
    {
        var bare = names.Select(name => Bare(name, prefixes)).ToArray();
        return prefixes.Append("").MaxBy(prefix => bare.Count(name => Spellings(prefix + name).Any(file.Contains)))!;
    }

    /// <summary>Name in the file of a parameter; null if it is not there.</summary>
    private static string? Find(ISafetensors file, string name, string prefix, IReadOnlyList<string> prefixes) =>
        Spellings(prefix + Bare(name, prefixes)).Concat(Spellings(name)).FirstOrDefault(file.Contains);

    private static string Bare(string name, IReadOnlyList<string> prefixes)
    {
        var prefix = prefixes.Where(prefix => name.StartsWith(prefix, StringComparison.Ordinal)).MaxBy(prefix => prefix.Length);
        return name[(prefix?.Length ?? 0)..];
    }

    /// <summary>A name and what checkpoints converted from TensorFlow called it.</summary>
    private static IEnumerable<string> Spellings(string name)
    {
        yield return name;
        if (name.EndsWith("LayerNorm.weight", StringComparison.Ordinal))
        {
            yield return name[..^"weight".Length] + "gamma";
        }
        else if (name.EndsWith("LayerNorm.bias", StringComparison.Ordinal))
        {
            yield return name[..^"bias".Length] + "beta";
        }
    }

    private static IEnumerable<string> Mismatch(ISafetensors file, string stored, Tensor value)
    {
        foreach (var mismatch in ShapeMismatch(stored, file.ShapeOf(stored), value))
        {
            yield return mismatch;
        }
        // Whole numbers in place of floats are a quantised model, whose scales would be ignored.
        if (is_floating_point(file.TypeOf(stored)) != is_floating_point(value.dtype))
        {
            yield return $"{stored} is stored as {file.TypeOf(stored)}, expected {value.dtype}";
        }
    }

    private static IEnumerable<string> ShapeMismatch(string stored, IReadOnlyList<long> shape, Tensor value)
    {
        if (!shape.SequenceEqual(value.shape))
        {
            yield return $"{stored} has shape {MessageText.Shape(shape)}, expected {MessageText.Shape(value.shape)}";
        }
    }

    private static InvalidDataException DoesNotFit(ISafetensors file, List<string> problems, int wanted)
    {
        return new InvalidDataException(
            $"{file.Description} does not fit the model, which loads {wanted} tensors from it: {MessageText.Few(problems, "; ")}. "
            + $"The file has {file.Names.Count} tensors: {MessageText.Few(file.Names)}. "
            + "Check that the configuration and the weights belong together.");
    }
}
