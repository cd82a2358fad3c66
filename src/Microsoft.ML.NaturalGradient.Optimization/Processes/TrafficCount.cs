namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>What one process sends to others, counted as the usual algorithms send it.</summary>
/// <remarks>
/// With K processes and b bytes in each: an all-reduce sends 2b(K − 1)/K (reduce-scatter, then all-gather), an all-gather b(K − 1), an exchange of everyone
/// with everyone b(K − 1)/K, a broadcast b(K − 1)/K on average. Thakur, Rabenseifner and Gropp, "Optimization of Collective Communication Operations in MPICH", 2005.
/// An implementation may choose others for short messages.
/// </remarks>
/// <param name="Bytes">Bytes that a process sends, on average over the processes.</param>
/// <param name="Messages">Operations.</param>
internal readonly record struct TrafficCount(double Bytes, long Messages)
{
    /// <summary>Adds what another operation sends.</summary>
    public TrafficCount Plus(double bytes) => new(Bytes + bytes, Messages + 1);

    /// <summary>What was counted since another count.</summary>
    public TrafficCount Since(TrafficCount before) => new(Bytes - before.Bytes, Messages - before.Messages);

    /// <summary>Bytes sent by an all-reduce.</summary>
    /// <param name="bytes">Bytes in each process.</param>
    /// <param name="size">Processes K.</param>
    public static double OfAllReduce(double bytes, int size) => 2 * bytes * (size - 1) / size;

    /// <summary>Bytes sent by an all-gather.</summary>
    /// <param name="bytes">Bytes of all processes together.</param>
    /// <param name="size">Processes K.</param>
    public static double OfAllGather(double bytes, int size) => bytes * (size - 1) / size;

    /// <summary>Bytes sent by an exchange of everyone with everyone.</summary>
    /// <param name="bytes">Bytes that all processes together have for all.</param>
    /// <param name="size">Processes K.</param>
    public static double OfAllToAll(double bytes, int size) => bytes * (size - 1) / size / size;

    /// <summary>Bytes sent by a broadcast.</summary>
    /// <param name="bytes">Bytes that one process has.</param>
    /// <param name="size">Processes K.</param>
    public static double OfBroadcast(double bytes, int size) => bytes * (size - 1) / size;
}
