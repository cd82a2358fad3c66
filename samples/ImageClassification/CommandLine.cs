using Samples;
using static Samples.Arguments;

namespace ImageClassificationSample;

/// <summary>Turns the arguments into a command; what it cannot read is a <see cref="UsageException"/>.</summary>
internal static class CommandLine
{
    public const string Usage = """
        Trains an image classifier with iEF, with AdamW, and the classification head alone, solved, on the same pictures;
        compares them, and lets a second process classify pictures with the best model.

        Usage: ./build.sh sample-images [--processes N] [OPTION...]
               ./build.sh sample-images classify FILE... [--model FILE.zip]
               ./build.sh sample-images images

          --epochs N       epochs (default 3)
          --pictures N     most pictures of a class to train on (default: all, which is 100 for the shipped ones)
          --size N         pixels a side that the network sees, a multiple of 14 (default 98)
          --quick          10 training pictures of a class, one epoch, without AdamW: shows that everything works,
                           not what it can do
          --data FOLDER    your own pictures: a folder with a sub-folder for each class, of which a fifth is kept
                           for the test, or a folder with two such folders, train and test
          --resume         goes on with a comparison that was interrupted: the same options, the same output folder
          --output DIR     where the model and the charts go (default sample-output/images)
          --model FILE     the model that classify loads (default sample-output/images/ImageModel.zip)
          --help           this text

        images runs the code of docs/images.md, in a temporary folder.
        """;

    /// <summary>Pixels a side of a patch of the encoder.</summary>
    private const int PatchSize = 14;

    private static readonly string OutputFolder = Path.Combine("sample-output", "images");

    /// <summary>The shipped pictures.</summary>
    private static string FashionPath => Path.Combine(AppContext.BaseDirectory, "data");

    /// <summary>The command, or null when the arguments ask for help.</summary>
    public static object? Parse(IReadOnlyList<string> arguments)
    {
        if (arguments.Any(argument => argument is "--help" or "-h" or "help"))
        {
            return null;
        }

        return (arguments.Count > 0 ? arguments[0] : null) switch
        {
            "classify" => ParseClassify(new Queue<string>(arguments.Skip(1))),
            "images" when arguments.Count == 1 => new ImagesCommand(FashionPath),
            "images" => throw new UsageException($"images takes no arguments, but got \"{arguments[1]}\"."),
            "fashion-pictures" when arguments.Count == 3 => new FashionPicturesCommand(arguments[1], arguments[2]),
            "fashion-pictures" => throw new UsageException("fashion-pictures needs the folder of the data set and the folder to write to."),
            _ => ParseCompare(new Queue<string>(arguments)),
        };
    }

    private static CompareCommand ParseCompare(Queue<string> arguments)
    {
        int? epochs = null, pictures = null, size = null;
        var (quick, resume) = (false, false);
        string? data = null;
        var output = OutputFolder;
        while (arguments.TryDequeue(out var option))
        {
            switch (option)
            {
                case "--epochs": epochs = PositiveNumber(option, arguments); break;
                case "--pictures": pictures = PositiveNumber(option, arguments); break;
                case "--size": size = PositiveNumber(option, arguments); break;
                case "--quick": quick = true; break;
                case "--resume": resume = true; break;
                case "--data": data = Value(option, arguments); break;
                case "--output": output = Value(option, arguments); break;
                default: throw new UsageException($"There is no argument \"{option}\" here.");
            }
        }

        if (size % PatchSize is > 0)
        {
            throw new UsageException($"--size needs a multiple of {PatchSize}, such as 98 or 224, not {size}.");
        }

        return new CompareCommand
        {
            DataFolder = data ?? FashionPath,
            TrainingPictures = pictures ?? (quick ? 10 : int.MaxValue),
            TestPictures = quick ? 5 : int.MaxValue,
            ImageSize = size ?? 7 * PatchSize,
            Epochs = epochs ?? (quick ? 1 : 3),
            WithAdamW = !quick,
            OutputFolder = output,
            Resume = resume,
        };
    }

    private static ClassifyCommand ParseClassify(Queue<string> arguments)
    {
        var options = new Dictionary<string, string?> { ["--model"] = Path.Combine(OutputFolder, CompareCommand.ModelFileName) };
        var pictures = Classified(arguments, options);
        return pictures.Count > 0
            ? new ClassifyCommand(options["--model"]!, pictures)
            : throw new UsageException("classify needs the path of a picture after it.");
    }
}
