using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Runs what is missing of an experiment, and writes tables and pictures of all that is finished.</summary>
internal sealed class MeasureCommand : Command<MeasureSettings>
{
    public override int Execute(CommandContext context, MeasureSettings settings, CancellationToken cancellationToken)
    {
        var kind = (ExperimentKind)context.Data!;
        var experiments = ExperimentFile.Load(settings.Experiment);
        var store = new CellStore(settings.Output, create: true);
        foreach (var experiment in experiments)
        {
            CellRun.RunMissing(kind, settings.Tiny ? experiment.Tiny() : experiment, settings.Data, store, cancellationToken);
        }

        Report.Write(store);
        return 0;
    }
}
