namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>The tensors of a file of ML.NET in the shapes that the networks here have.</summary>
internal sealed class MLNetWeights : ISafetensors
{
    private readonly TorchSharpFile _file;
    private readonly Dictionary<string, (SafetensorsTensor Tensor, byte[]? Content)> _changed = new(StringComparer.Ordinal);

    /// <summary>Wraps a file.</summary>
    /// <param name="file">The file; owned by this object, unless an exception is thrown.</param>
    /// <param name="model">Whose it is.</param>
    public MLNetWeights(TorchSharpFile file, MLNetModel model)
    {
        _file = file;
        if (model == MLNetModel.Roberta)
        {
            AddRows(RobertaLayout.Positions, RobertaLayout.RowsBefore);
            return;
        }

        foreach (var name in file.Names.Where(NasBertLayout.IsPointwise))
        {
            var stored = file.Describe(name);
            if (stored.Shape is [var outputs, var inputs, 1])
            {
                _changed[name] = (new SafetensorsTensor(stored.Type, [outputs, inputs], stored.Begin, stored.End), null);
            }
        }
    }

    /// <inheritdoc/>
    public string Description => _file.Description;

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _file.Names;

    /// <inheritdoc/>
    public bool Contains(string name) => _file.Contains(name);

    /// <inheritdoc/>
    public string FileOf(string name) => _file.FileOf(name);

    /// <inheritdoc/>
    public SafetensorsTensor Describe(string name) => _changed.TryGetValue(name, out var changed) ? changed.Tensor : _file.Describe(name);

    /// <inheritdoc/>
    public ReadOnlySpan<byte> BytesOf(string name, long first, int count)
    {
        if (!_changed.TryGetValue(name, out var changed) || changed.Content is not { } content)
        {
            return _file.BytesOf(name, first, count);
        }

        var width = changed.Tensor.Type.Size();
        return content.AsSpan(checked((int)(first * width)), count * width);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    // Zeros before a table; a table of positions has less than a megabyte for each thousand rows.
    private void AddRows(string name, int count)
    {
        if (!_file.Contains(name) || _file.Describe(name) is not { Shape: [var rows, var columns] } stored || columns > int.MaxValue / 64
            || stored.End - stored.Begin > CheckpointFiles.MaxSmallBytes)
        {
            return; // the comparison with the network says what is wrong
        }

        var before = (int)(count * columns * stored.Type.Size());
        var content = new byte[before + (stored.End - stored.Begin)];
        _file.BytesOf(name, 0, (int)(rows * columns)).CopyTo(content.AsSpan(before));
        _changed[name] = (new SafetensorsTensor(stored.Type, [rows + count, columns], 0, content.Length), content);
    }
}
