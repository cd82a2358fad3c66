using System.Globalization;
using ImageClassificationSample;
using Samples;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

try
{
    switch (CommandLine.Parse(args))
    {
        case CompareCommand command:
            return command.Run();
        case ClassifyCommand command:
            return command.Run();
        case ImagesCommand command:
            return command.Run();
        case FashionPicturesCommand command:
            return command.Run();
        default:
            Console.WriteLine(CommandLine.Usage);
            return 0;
    }
}
catch (UsageException exception)
{
    Console.Error.WriteLine($"error: {exception.Message}\n\n{CommandLine.Usage}");
    return 2;
}
catch (Exception exception) when (exception is IOException or InvalidOperationException)
{
    Console.Error.WriteLine($"error: {exception.Message}"); // such as a full disk, or checkpoints of other options
    return 1;
}
