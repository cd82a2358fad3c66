namespace Microsoft.ML.NaturalGradient;

/// <summary>Random numbers that depend on a seed, an epoch and a row only, so on no order and no thread.</summary>
/// <remarks>Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, figure 17.</remarks>
internal struct SplitMix64
{
    private const ulong Golden = 0x9E3779B97F4A7C15;

    private ulong _state;

    /// <summary>Starts the numbers of one epoch.</summary>
    public SplitMix64(int seed, int epoch)
    {
        _state = ((ulong)(uint)seed << 32) | (uint)epoch;
    }

    /// <summary>Starts the numbers of one row in one epoch.</summary>
    public SplitMix64(int seed, int row, int epoch)
        : this(seed, epoch)
    {
        _state = Next() ^ (uint)row;
        _state = Next();
    }

    /// <summary>The next number, uniform from 0 up to, but not including, 1.</summary>
    public double NextDouble() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>The next number, uniform between two bounds.</summary>
    public double Between(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>The next whole number, uniform from 0 up to, but not including, a bound.</summary>
    public int Below(int bound) => (int)(NextDouble() * bound);

    /// <summary>The next 64 random bits.</summary>
    public ulong Next()
    {
        unchecked
        {
            _state += Golden;
            var bits = _state;
            bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9;
            bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EB;
            return bits ^ (bits >> 31);
        }
    }
}
