using Samples;

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

    private const int LargestSize = 4096 / PatchSize * PatchSize; // the trainer's limit is 4096

    private static readonly string OutputFolder = Path.Combine("sample-output", "images");

    /// <summary>The shipped pictures.</summary>
    private static string FashionPath => Path.Combine(AppContext.BaseDirectory, "data");

    /// <summary>The command, or null when the arguments ask for help.</summary>
    public static object? Parse(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.AsksForHelp(arguments))
        {
            return null;
        }

        return (arguments.Count > 0 ? arguments[0] : null) switch
        {
            "classify" => ParseClassify(arguments.Skip(1)),
            "images" when arguments.Count == 1 => new ImagesCommand(FashionPath),
            "images" => throw new UsageException($"images takes no arguments, but got \"{arguments[1]}\"."),
            "fashion-pictures" when arguments.Count == 3 => new FashionPicturesCommand(arguments[1], arguments[2]),
            "fashion-pictures" => throw new UsageException("fashion-pictures needs the folder of the data set and the folder to write to."),
            _ => ParseCompare(arguments),
        };
    }

    private static CompareCommand ParseCompare(IEnumerable<string> arguments)
    {
        var options = new CommandOptions(arguments, Usage, isAllowed: name => name is not "--model");
        var (size, quick) = (options.Count("--size") ?? 7 * PatchSize, options.Has("--quick"));
        if (size % PatchSize > 0 || size > LargestSize)
        {
            throw new UsageException($"--size needs a multiple of {PatchSize} up to {LargestSize}, such as 98 or 224, not {size}.");
        }

        return new CompareCommand
        {
            DataFolder = options.Text("--data") ?? FashionPath,
            TrainingPictures = options.Count("--pictures") ?? (quick ? 10 : int.MaxValue),
            TestPictures = quick ? 5 : int.MaxValue,
            ImageSize = size,
            Epochs = options.Count("--epochs") ?? (quick ? 1 : 3),
            WithAdamW = !quick,
            OutputFolder = options.Text("--output") ?? OutputFolder,
            Resume = options.Has("--resume"),
        };
    }

    private static ClassifyCommand ParseClassify(IEnumerable<string> arguments)
    {
        var options = new CommandOptions(arguments, Usage, takesInputs: true, name => name is "--model");
        return options.Inputs.Count > 0
            ? new ClassifyCommand(options.Text("--model") ?? Path.Combine(OutputFolder, CompareCommand.ModelFileName), options.Inputs)
            : throw new UsageException("classify needs the path of a picture after it.");
    }
}
