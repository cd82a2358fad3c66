namespace Microsoft.ML.NaturalGradient.Training;

/// <summary>Labelled rows, encoded once, that can be walked through in batches any number of times.</summary>
internal interface IBatchSource
{
    /// <summary>Rows in one pass.</summary>
    int SampleCount { get; }

    /// <summary>Batches in one pass; the same for every epoch.</summary>
    int BatchCount { get; }

    /// <summary>One pass in the shuffled order of an epoch; the order depends on the source's seed and the epoch only.</summary>
    /// <param name="epoch">Epoch, from 0.</param>
    /// <param name="first">The first batch, from 0; those before it are left out.</param>
    /// <returns>Batches; the caller disposes each.</returns>
    IEnumerable<LabeledBatch> Shuffled(int epoch, int first = 0);

    /// <summary>One pass in a fixed order, for validation.</summary>
    /// <returns>Batches; the caller disposes each.</returns>
    IEnumerable<LabeledBatch> Ordered();

    /// <summary>Tells these rows from others: a hash of what is fed to the network, labels included.</summary>
    /// <returns>Hexadecimal digits.</returns>
    string Fingerprint();
}
