namespace Microsoft.ML.NaturalGradient.Checkpoints;

/// <summary>Named tensors of one safetensors file, of several that belong together, or of a file of TorchSharp. Several threads may read at once.</summary>
internal interface ISafetensors : IDisposable
{
    /// <summary>Where the tensors are, in words for error messages.</summary>
    string Description { get; }

    /// <summary>Names of the tensors.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Whether there is a tensor of this name.</summary>
    bool Contains(string name);

    /// <summary>Which file has a tensor, in words for error messages.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    string FileOf(string name);

    /// <summary>What the file says of a tensor.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    SafetensorsTensor Describe(string name);

    /// <summary>Gives the bytes of some elements of a tensor, in the order of the file: row-major, little-endian.</summary>
    /// <param name="name">Name of the tensor.</param>
    /// <param name="first">The first element.</param>
    /// <param name="count">Elements; a span cannot reach across 2 GiB, so a large tensor is read in pieces.</param>
    /// <returns>The bytes where they lie; they go with this object.</returns>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    ReadOnlySpan<byte> BytesOf(string name, long first, int count);
}
