using System.Globalization;

namespace ReplicationSample;

/// <summary>Learning rates in tables and names.</summary>
internal static class RateText
{
    /// <summary>The rate with a text before it; nothing for the method's own.</summary>
    public static string Of(double? rate, string before = "") => rate is { } value ? before + value.ToString("G3", CultureInfo.InvariantCulture) : "";

    /// <summary>A multiple of a rate, ×4 or ×1/4.</summary>
    public static string Factor(double factor) => "×" + (factor < 1 ? "1/" + Of(1 / factor) : Of(factor));
}
