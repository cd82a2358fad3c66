using Microsoft.ML.NaturalGradient;

// A program that several processes run, which agree on a sum. It references the package of MPI alone.
var world = Mpi.World;
double[] values = [world.Rank + 1];
world.AllReduce(values);
Console.WriteLine($"process {world.Rank} of {world.Size}: {values[0]:F0}");
