using System.Globalization;
using CsCheck;

namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>
/// Checks properties on random draws that are the same in every run. CsCheck's own Sample draws by the clock, so that a test could fail for one
/// machine or day only. The environment variable <c>DRAWS_SEED</c> asks for other draws.
/// </summary>
internal static class Draws
{
    private static readonly ulong Seed = ulong.Parse(Environment.GetEnvironmentVariable("DRAWS_SEED") ?? "0", CultureInfo.InvariantCulture);

    /// <summary>Checks each draw; a failure names the seed and the draw.</summary>
    /// <param name="gen">What is drawn.</param>
    /// <param name="count">How many draws.</param>
    /// <param name="isTrue">The property.</param>
    public static void Check<T>(this Gen<T> gen, int count, Func<T, bool> isTrue) => gen.Check(count, draw => Assert.IsTrue(isTrue(draw)));

    /// <inheritdoc cref="Check{T}(Gen{T}, int, Func{T, bool})"/>
    /// <param name="gen">What is drawn.</param>
    /// <param name="count">How many draws.</param>
    /// <param name="assert">Throws where the property does not hold.</param>
    public static void Check<T>(this Gen<T> gen, int count, Action<T> assert)
    {
        var random = new PCG(1, Seed);
        for (var number = 0; number < count; number++)
        {
            var draw = gen.Generate(random, null, out _);
            try
            {
                assert(draw);
            }
            catch (Exception exception)
            {
#pragma warning disable RS0030 // its texts, not its draws
                var text = CsCheck.Check.Print(draw);
#pragma warning restore RS0030
                throw new AssertFailedException(
                    string.Create(CultureInfo.InvariantCulture, $"DRAWS_SEED={Seed}, draw {number} of {count}: {text}\n{exception.Message}"), exception);
            }
        }
    }
}
