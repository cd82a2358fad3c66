using Samples;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Refuses arguments that no command reads.</summary>
internal sealed class UnknownOptions : ICommandInterceptor
{
    public void Intercept(CommandContext context, CommandSettings settings)
    {
        if (context.Remaining.Parsed.FirstOrDefault()?.Key is { } option)
        {
            throw new UsageException($"There is no option \"{option}\" here.");
        }

        if (context.Remaining.Raw.Count > 0)
        {
            throw new UsageException($"There is no argument \"{context.Remaining.Raw[0]}\" here.");
        }
    }
}
