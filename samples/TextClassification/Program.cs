using System.Globalization;
using Samples;
using TextClassificationSample;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

try
{
    Team.LetFirstSpeak();
    switch (CommandLine.Parse(args))
    {
        case CompareCommand command:
            return command.Run();
        case ClassifyCommand command:
            return Team.IsFirst ? command.Run() : 0;
        case ClassifyFileCommand command:
            return command.Run();
        case QuickstartCommand command:
            Team.RequireOne("quickstart");
            Folders.RunInTemporary(() => Quickstart.Run(command.DataPath));
            return 0;
        case GettingStartedCommand command:
            Team.RequireOne("getting-started");
            Folders.RunInTemporary(() => GettingStarted.Run(command.DataPath));
            return 0;
        case OwnModelCommand command:
            Team.RequireOne("own-models");
            Folders.RunInTemporary(() => OwnModel.Run(command.DataPath));
            return 0;
        default:
            Console.WriteLine(CommandLine.Usage);
            return 0;
    }
}
catch (UsageException exception)
{
    return Team.Fail(exception.Message, CommandLine.Usage);
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
{
    return Team.Fail(exception.Message); // such as a full disk, or checkpoints of other options
}
