using System.Globalization;
using Samples;
using WebApiSample;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

try
{
    if (CommandLine.Parse(args) is not { } command)
    {
        Console.WriteLine(CommandLine.Usage);
        return 0;
    }

    if (command.IsLoad)
    {
        return await LoadCommand.RunAsync(command);
    }

    await using var app = WebService.Create(command.Settings);
    WebService.CheckSettings(app);
    Training.TrainMissing(app.Configuration, command.Quick, command.Onnx);
    await app.RunAsync();
    return 0;
}
catch (UsageException exception)
{
    Console.Error.WriteLine($"error: {exception.Message}\n\n{CommandLine.Usage}");
    return 2;
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {exception.Message}"); // such as an address in use
    return 1;
}
