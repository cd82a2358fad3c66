using Samples;

namespace TextClassificationSample;

/// <summary>Turns the arguments into a command; what it cannot read is a <see cref="UsageException"/>.</summary>
internal static class CommandLine
{
    public const string Usage = """
        Trains a text classifier with iEF and with AdamW on the same rows, compares them, and lets a second process
        classify sentences with the saved model.

        Usage: ./build.sh sample [--processes N] [OPTION...]
               ./build.sh sample classify [--model FILE.zip] ["SENTENCE"...]
               ./build.sh sample classify [--model FILE.zip] --input FILE [--output FILE.tsv] [--text COLUMN] [--encoding NAME]
               ./build.sh sample quickstart
               ./build.sh sample getting-started
               ./build.sh sample own-models

          --rows N         training rows (default 1000)
          --epochs N       epochs (default 5)
          --quick          100 rows and one epoch: shows that everything works, not what it can do
          --data FILE      your own file with a header line; commas, semicolons, tabs or vertical bars between the columns
          --label COLUMN   its column with the class (default Label)
          --text COLUMN    its column with the text (default Text)
          --encoding NAME  its encoding, if it is neither UTF-8 nor UTF-16 nor Windows-1252
          --resume         goes on with a comparison that was interrupted: the same options, the same output folder
          --output DIR     where the model and the picture go (default sample-output); of classify: the file of predictions
                           (default sample-output/predictions.tsv)
          --model FILE     the model that classify loads (default sample-output/ReviewModel.zip)
          --input FILE     the file of texts that classify predicts the class of: a text on each line of FILE.txt, else a
                           column of a file with a header line; its blank lines are no rows
          --help           this text

        With --processes N before all other arguments, N processes train together, or share the texts of --input.

        quickstart runs the example of the project's README, getting-started and own-models the
        code of the pages of these names in docs/, in a temporary folder.
        """;

    private const string OutputFolder = "sample-output";

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
            "quickstart" when arguments.Count == 1 => new QuickstartCommand(ReviewsPath),
            "getting-started" when arguments.Count == 1 => new GettingStartedCommand(ReviewsPath),
            "own-models" when arguments.Count == 1 => new OwnModelCommand(ReviewsPath),
            "quickstart" or "getting-started" or "own-models" => throw new UsageException($"{arguments[0]} takes no arguments, but got \"{arguments[1]}\"."),
            _ => ParseCompare(arguments),
        };
    }

    private static string ReviewsPath => Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv");

    private static CompareCommand ParseCompare(IEnumerable<string> arguments)
    {
        var options = new CommandOptions(arguments, Usage, isAllowed: name => name is not ("--model" or "--input"));
        var (data, quick) = (options.Text("--data"), options.Has("--quick"));
        if (data is null && (options.Has("--label") || options.Has("--text") || options.Has("--encoding")))
        {
            throw new UsageException("--label, --text and --encoding tell of your own file; name the file with --data.");
        }

        return new CompareCommand
        {
            Data = new DataFile(data ?? ReviewsPath, options.Text("--label") ?? "Label", options.Text("--text") ?? "Text", options.Text("--encoding")),
            IsOwnData = data is not null,
            TrainingRows = options.Count("--rows") ?? (quick ? 100 : 1000),
            TestRows = quick ? 100 : 600,
            Epochs = options.Count("--epochs") ?? (quick ? 1 : 5),
            OutputFolder = options.Text("--output") ?? OutputFolder,
            Resume = options.Has("--resume"),
        };
    }

    private static object ParseClassify(IEnumerable<string> arguments)
    {
        var options = new CommandOptions(arguments, Usage, takesInputs: true, name => name is "--model" or "--input" or "--output" or "--text" or "--encoding");
        var model = options.Text("--model") ?? Path.Combine(OutputFolder, CompareCommand.ModelFileName);
        if (options.Text("--input") is not { } input)
        {
            return options.Names.FirstOrDefault(name => name != "--model") is { } given
                ? throw new UsageException($"{given} tells of a file of texts; name the file with --input.")
                : new ClassifyCommand(model, options.Inputs.Count > 0 ? options.Inputs : ClassifyCommand.DefaultSentences);
        }

        return options.Inputs.Count == 0
            ? new ClassifyFileCommand(
                model, new TextsFile(input, options.Text("--text") ?? "Text", options.Text("--encoding")), options.Text("--output") ?? Path.Combine(OutputFolder, "predictions.tsv"))
            : throw new UsageException($"classify takes sentences or a file, but got \"{options.Inputs[0]}\" beside --input.");
    }
}
