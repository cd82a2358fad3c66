using System.Globalization;
using WebApiSample;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

const string Usage = """
    Serves a text classifier and a picture classifier over HTTP, with a page to try them. Trains them first where there are none.

    Usage: ./build.sh sample-web [--quick] [--onnx] [--urls http://localhost:5080] [--Models:Text:Path FILE.zip] [--Models:Picture:Path FILE.zip]
           ./build.sh sample-web load [--quick] [--onnx] [--requests N] [--clients N] [--Models:Text:MaxBatchSize N] [--Models:Text:MaxWaitMilliseconds N]

      --quick          trains on few rows where there is no model: shows that everything works, not what it can do
      --onnx           trains where there is no model, and saves it for ONNX Runtime; either kind of file is served
      --help           this text

    Any setting of samples/WebApi/appsettings.json can be given as an option. load measures the service on this machine while
    models are swapped, and compares every answer with the model's own.
    """;

if (args.Any(argument => argument is "--help" or "-h" or "help"))
{
    Console.WriteLine(Usage);
    return 0;
}

var (quick, onnx) = (args.Contains("--quick"), args.Contains("--onnx"));
string[] options = [.. args.Where(argument => argument is not ("--quick" or "--onnx"))];
if (options is ["load", .. var rest])
{
    return await LoadCommand.RunAsync(rest, quick, onnx);
}

var app = WebService.Create(options);
Training.TrainMissing(app.Configuration, quick, onnx);
await app.RunAsync();
return 0;
