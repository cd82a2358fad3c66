namespace Microsoft.ML.NaturalGradient;

/// <summary>The check of a setting against its range, for all assemblies.</summary>
internal static class SettingCheck
{
    /// <summary>Throws when a setting is out of range.</summary>
    /// <param name="legal">Whether it is in range.</param>
    /// <param name="name">Name of the setting.</param>
    /// <param name="value">Its value, or the words for it.</param>
    /// <param name="advice">What to do.</param>
    /// <param name="owner">What the setting is one of, where its name alone would not say; empty for nothing.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="legal"/> is false; the message has all of the others.</exception>
    public static void Require(bool legal, string name, object? value, string advice, string owner = "")
    {
        if (!legal)
        {
            throw new ArgumentOutOfRangeException(name, FormattableString.Invariant($"{owner}{name} is {value}. {advice}"));
        }
    }
}
