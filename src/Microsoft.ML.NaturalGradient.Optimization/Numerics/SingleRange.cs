namespace Microsoft.ML.NaturalGradient.Numerics;

/// <summary>Whether a setting is still what it says when a network of float32 reads it.</summary>
internal static class SingleRange
{
    /// <summary>Relative damping that comes to less counts as none: 1/λ, and squares of gradients as small as that, do not fit float32.</summary>
    public const double SmallestDamping = 1e-30;

    /// <summary>Whether a number is greater than zero and neither zero nor infinite in float32.</summary>
    public static bool IsPositive(double value) => value > 0 && Holds(value);

    /// <summary>Whether a number is zero, or greater and neither zero nor infinite in float32.</summary>
    public static bool IsNotNegative(double value) => value >= 0 && Holds(value);

    /// <summary>A number for a message, which says so where float32 does not hold it.</summary>
    public static string Describe(double value) => FormattableString.Invariant(
        $"{value}{(double.IsFinite(value) && !Holds(value) ? ", which float32 does not hold (it ranges from 1.4E-45 to 3.4E+38)" : "")}");

    /// <summary>Throws unless a setting is legal.</summary>
    /// <inheritdoc cref="SettingCheck.Require"/>
    public static void Require(bool legal, string name, double value, string advice, string owner = "") =>
        SettingCheck.Require(legal, name, Describe(value), advice, owner);

    private static bool Holds(double value) => value == 0 || ((float)value != 0 && float.IsFinite((float)value));
}
