using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Writes tables and pictures of what is finished.</summary>
internal sealed class SummaryCommand : Command<SummarySettings>
{
    public override int Execute(CommandContext context, SummarySettings settings, CancellationToken cancellationToken)
    {
        Report.Write(new CellStore(settings.Folder, create: false));
        return 0;
    }
}
