using System.Globalization;
using Samples;
using TextTasksSample;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

try
{
    Team.LetFirstSpeak();
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
    return Team.Fail(exception.Message, CommandLine.Usage);
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
{
    return Team.Fail(exception.Message); // such as a full disk
}
