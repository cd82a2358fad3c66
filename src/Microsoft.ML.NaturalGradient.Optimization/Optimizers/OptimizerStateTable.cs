using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The parts of one optimizer's state, by name; owns its tensors and generators.</summary>
internal sealed class OptimizerStateTable : IDisposable
{
    private readonly Dictionary<string, Part> _parts = new(StringComparer.Ordinal);
    private readonly List<IDisposable> _owned = [];
    private readonly Dictionary<string, Tensor> _pending = new(StringComparer.Ordinal); // restored before the part was made
    private bool _wantsAll; // whether a restored state has parts that are made later, so that every such part has to be in it

    /// <summary>Whether there is a part of this name.</summary>
    public bool Contains(string name) => _parts.ContainsKey(name);

    /// <summary>Adds a tensor; takes it out of every dispose scope.</summary>
    public Tensor Add(string name, Tensor value)
    {
        value = value.DetachFromDisposeScope();
        _owned.Add(value);
        Add(name, new Part(value.clone, saved => value.copy_(saved), saved => saved.shape.AsSpan().SequenceEqual(value.shape)));
        return value;
    }

    /// <summary>Adds a number.</summary>
    public void Add(string name, Func<double> get, Action<double> set) => Add(name, new Part(
        () => tensor(get(), dtype: ScalarType.Float64), saved => set(saved.item<double>()), saved => saved.dim() == 0));

    /// <summary>Adds a generator's position.</summary>
    public Generator Add(string name, Generator generator)
    {
        _owned.Add(generator);
        Add(name, new Part(generator.get_state, generator.set_state, saved => saved.dtype == ScalarType.Byte));
        return generator;
    }

    /// <summary>Copies all parts, those too that were restored and are not added yet.</summary>
    /// <returns>The copy; the caller disposes it.</returns>
    public OptimizerState Save()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var copies = _parts.Select(part => KeyValuePair.Create(part.Key, part.Value.Copy()))
            .Concat(_pending.Select(part => KeyValuePair.Create(part.Key, part.Value.clone())));
        return new OptimizerState(copies.ToDictionary(part => part.Key, part => part.Value.DetachFromDisposeScope()));
    }

    /// <summary>Takes over saved parts; those that do not exist yet are kept for when they are added.</summary>
    /// <param name="state">The parts; not modified.</param>
    /// <param name="isMadeLater">Whether a part of this name may still be added.</param>
    /// <exception cref="InvalidDataException">A part is missing, has another shape or is not known; nothing is changed then.</exception>
    public void Restore(OptimizerState state, Func<string, bool> isMadeLater)
    {
        foreach (var (name, part) in _parts)
        {
            if (!state.Values.TryGetValue(name, out var saved) || !part.Fits(saved))
            {
                throw Mismatch(name, saved);
            }
        }

        if (state.Values.Keys.FirstOrDefault(name => !_parts.ContainsKey(name) && !isMadeLater(name)) is { } unknown)
        {
            throw Unknown(unknown);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        ClearPending();
        foreach (var (name, saved) in state.Values)
        {
            if (_parts.TryGetValue(name, out var part))
            {
                part.Set(saved);
            }
            else
            {
                _pending.Add(name, saved.clone().DetachFromDisposeScope());
            }
        }

        _wantsAll = _pending.Count > 0;
    }

    /// <summary>Checks that all that was restored has been added, now that nothing more will be.</summary>
    /// <exception cref="InvalidDataException">A restored part was not.</exception>
    public void Complete()
    {
        if (_pending.Keys.FirstOrDefault() is { } unknown)
        {
            throw Unknown(unknown);
        }

        _wantsAll = false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ClearPending();
        _owned.ForEach(owned => owned.Dispose());
    }

    private void Add(string name, Part part)
    {
        _parts.Add(name, part);
        if (!_pending.Remove(name, out var saved))
        {
            if (_wantsAll)
            {
                throw Mismatch(name, null);
            }

            return;
        }

        using (saved)
        {
            if (!part.Fits(saved))
            {
                throw Mismatch(name, saved);
            }

            using var noGrad = no_grad();
            using var scope = NewDisposeScope();
            part.Set(saved);
        }
    }

    private void ClearPending()
    {
        foreach (var saved in _pending.Values)
        {
            saved.Dispose();
        }

        _pending.Clear();
    }

    private static InvalidDataException Unknown(string name) => new(
        $"The saved state of the optimizer has '{name}', which this optimizer does not. Restore it with the method, the settings and the parameters that it "
        + "was saved with.");

    private static InvalidDataException Mismatch(string name, Tensor? saved) => new(
        saved is null
            ? $"The saved state of the optimizer has no '{name}'. Restore it with the method and the settings that it was saved with."
            : $"'{name}' in the saved state of the optimizer has the shape {MessageText.Shape(saved.shape)}, which does not fit. "
                + "Restore it with the parameters and the settings that it was saved with.");

    /// <summary>One part.</summary>
    /// <param name="Copy">Copies it into the current dispose scope.</param>
    /// <param name="Set">Takes over a copy.</param>
    /// <param name="Fits">Whether a copy can be taken over.</param>
    private sealed record Part(Func<Tensor> Copy, Action<Tensor> Set, Func<Tensor, bool> Fits);
}
