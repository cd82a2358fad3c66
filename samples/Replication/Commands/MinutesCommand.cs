using System.Text.Json;
using Samples;
using Spectre.Console.Cli;

namespace ReplicationSample;

/// <summary>Draws what so many minutes of training buy.</summary>
internal sealed class MinutesCommand : Command<MinutesSettings>
{
    public override int Execute(CommandContext context, MinutesSettings settings, CancellationToken cancellationToken)
    {
        if (!File.Exists(settings.File))
        {
            throw new UsageException($"There is no file '{settings.File}'. Make it with ./build.sh bench minutes --data FOLDER --results FILE.");
        }

        try
        {
            MinutesResult[] results = [.. File.ReadLines(settings.File).Select(line => JsonSerializer.Deserialize<MinutesResult>(line)!)];
            if (results.Length == 0)
            {
                throw new UsageException($"'{settings.File}' has no results.");
            }

            foreach (var path in new MinutesChart(results).Save(Path.ChangeExtension(settings.File, null)))
            {
                Console.WriteLine(path);
            }

            return 0;
        }
        catch (JsonException e)
        {
            throw new UsageException($"'{settings.File}' has a line that is no result of bench minutes: {e.Message}");
        }
    }
}
