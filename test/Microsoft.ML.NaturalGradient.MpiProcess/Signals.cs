using System.Runtime.CompilerServices;

namespace Microsoft.ML.NaturalGradient.MpiProcesses;

/// <summary>MPI must leave the signals alone by which .NET finds references that are null.</summary>
internal static class Signals
{
    public static int Run(ICollective world)
    {
        for (var turn = 0; turn < 3; turn++)
        {
            try
            {
                Console.WriteLine(Length(null));
                return 3;
            }
            catch (NullReferenceException)
            {
                world.Barrier();
            }
        }

        Console.WriteLine($"rank {world.Rank} of {world.Size}: caught");
        return 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Length(string? text) => text!.Length;
}
