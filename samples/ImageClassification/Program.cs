using System.Globalization;
using ImageClassificationSample;
using Samples;

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
        case ImagesCommand command:
            Team.RequireOne("images");
            return command.Run();
        case FashionPicturesCommand command:
            Team.RequireOne("fashion-pictures");
            return command.Run();
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
