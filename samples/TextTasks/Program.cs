using System.Globalization;
using Samples;
using TextTasksSample;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

try
{
    if (CommandLine.Parse(args) is { } options)
    {
        return options.Task switch
        {
            TaskKind.Names => new NamesTask(options).Run(),
            TaskKind.Answers => new AnswersTask(options).Run(),
            TaskKind.Labels => new LabelsTask(options).Run(),
            _ => new NumberTask(options).Run(),
        };
    }

    Console.WriteLine(CommandLine.Usage);
    return 0;
}
catch (UsageException exception)
{
    Console.Error.WriteLine($"error: {exception.Message}\n\n{CommandLine.Usage}");
    return 2;
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {exception.Message}"); // such as a full disk
    return 1;
}
