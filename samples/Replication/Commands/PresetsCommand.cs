using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Lists the presets, or prints one.</summary>
internal sealed class PresetsCommand : Command<PresetsSettings>
{
    public override int Execute(CommandContext context, PresetsSettings settings, CancellationToken cancellationToken)
    {
        if (settings.Name is { } name)
        {
            Console.Write(ExperimentFile.PresetText(name));
            return 0;
        }

        foreach (var preset in ExperimentFile.Presets)
        {
            Console.WriteLine($"{preset,-10} {ExperimentFile.PresetText(preset).Split('\n')[0].TrimStart('/', ' ')}");
        }

        return 0;
    }
}
