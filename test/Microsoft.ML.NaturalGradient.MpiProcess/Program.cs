using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.MpiProcesses;

// One of the processes that a test starts with mpiexec. The first argument says what it does, the others belong to that.
return args switch
{
    ["collectives"] => Collectives.Run(Mpi.World),
    ["signals"] => Signals.Run(Mpi.World),
    ["threads"] => Threads.Run(Mpi.World),
    ["fail", var how] => Failures.Run(Mpi.World, how),
    ["train", var model, var methods, var how, var checkpoints] => Training.Run(Mpi.World, model, methods, how, checkpoints),
    _ => throw new ArgumentException($"There is no '{string.Join(' ', args)}'."),
};
