using System.Globalization;
using TorchSharp;

namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>Makes sure that culture and threads are those that the environment asks for, as <c>./build.sh test-everywhere</c> does.</summary>
[TestClass]
public sealed class TestSettings
{
    [AssemblyInitialize]
    public static void Check(TestContext context)
    {
        var asked = Environment.GetEnvironmentVariable("LC_ALL")?.Split('.')[0].Replace('_', '-');
        if (asked is { Length: 5 } && asked != CultureInfo.CurrentCulture.Name)
        {
            throw new InvalidOperationException($"LC_ALL asks for {asked}, but the culture is {CultureInfo.CurrentCulture.Name}.");
        }

        if (int.TryParse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS"), CultureInfo.InvariantCulture, out var threads) && threads != torch.get_num_threads())
        {
            throw new InvalidOperationException($"OMP_NUM_THREADS asks for {threads} threads, but torch has {torch.get_num_threads()}.");
        }
    }
}
