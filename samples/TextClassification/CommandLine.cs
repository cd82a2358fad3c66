using Samples;
using static Samples.Arguments;

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
        if (arguments.Any(argument => argument is "--help" or "-h" or "help"))
        {
            return null;
        }

        return (arguments.Count > 0 ? arguments[0] : null) switch
        {
            "classify" => ParseClassify(new Queue<string>(arguments.Skip(1))),
            "quickstart" when arguments.Count == 1 => new QuickstartCommand(ReviewsPath),
            "getting-started" when arguments.Count == 1 => new GettingStartedCommand(ReviewsPath),
            "own-models" when arguments.Count == 1 => new OwnModelCommand(ReviewsPath),
            "quickstart" or "getting-started" or "own-models" => throw new UsageException($"{arguments[0]} takes no arguments, but got \"{arguments[1]}\"."),
            _ => ParseCompare(new Queue<string>(arguments)),
        };
    }

    private static string ReviewsPath => Path.Combine(AppContext.BaseDirectory, "Data", "reviews.tsv");

    private static CompareCommand ParseCompare(Queue<string> arguments)
    {
        int? rows = null, epochs = null;
        var (quick, resume) = (false, false);
        string? data = null, label = null, text = null, encoding = null;
        var output = OutputFolder;
        while (arguments.TryDequeue(out var option))
        {
            switch (option)
            {
                case "--rows": rows = PositiveNumber(option, arguments); break;
                case "--epochs": epochs = PositiveNumber(option, arguments); break;
                case "--quick": quick = true; break;
                case "--resume": resume = true; break;
                case "--data": data = Value(option, arguments); break;
                case "--label": label = Value(option, arguments); break;
                case "--text": text = Value(option, arguments); break;
                case "--encoding": encoding = Value(option, arguments); break;
                case "--output": output = Value(option, arguments); break;
                default: throw new UsageException($"There is no argument \"{option}\" here.");
            }
        }

        if (data is null && (label ?? text ?? encoding) is not null)
        {
            throw new UsageException("--label, --text and --encoding tell of your own file; name the file with --data.");
        }

        return new CompareCommand
        {
            Data = new DataFile(data ?? ReviewsPath, label ?? "Label", text ?? "Text", encoding),
            IsOwnData = data is not null,
            TrainingRows = rows ?? (quick ? 100 : 1000),
            TestRows = quick ? 100 : 600,
            Epochs = epochs ?? (quick ? 1 : 5),
            OutputFolder = output,
            Resume = resume,
        };
    }

    private static object ParseClassify(Queue<string> arguments)
    {
        var options = new Dictionary<string, string?>
        {
            ["--model"] = Path.Combine(OutputFolder, CompareCommand.ModelFileName),
            ["--input"] = null,
            ["--output"] = null,
            ["--text"] = null,
            ["--encoding"] = null,
        };
        var sentences = Classified(arguments, options);
        var (model, input) = (options["--model"]!, options["--input"]);
        if (input is null)
        {
            return options.Keys.FirstOrDefault(name => name != "--model" && options[name] is not null) is { } given
                ? throw new UsageException($"{given} tells of a file of texts; name the file with --input.")
                : new ClassifyCommand(model, sentences.Count > 0 ? sentences : ClassifyCommand.DefaultSentences);
        }

        return sentences.Count == 0
            ? new ClassifyFileCommand(model, new TextsFile(input, options["--text"] ?? "Text", options["--encoding"]), options["--output"] ?? Path.Combine(OutputFolder, "predictions.tsv"))
            : throw new UsageException($"classify takes sentences or a file, but got \"{sentences[0]}\" beside --input.");
    }
}
