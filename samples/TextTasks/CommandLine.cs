using Microsoft.ML.NaturalGradient;
using Samples;

namespace TextTasksSample;

/// <summary>Turns the arguments into options; what it cannot read is a <see cref="UsageException"/>.</summary>
internal static class CommandLine
{
    public const string Usage = """
        Fine-tunes a small encoder for a task on texts, measures it on rows it has not seen, draws a picture, saves the model,
        loads it again and scores one text with a prediction engine.

        Usage: ./build.sh sample-tasks [--processes N] [--task NAME] [OPTION...]

          --task ner         names of persons, places, products ... in messages (the default)
          --task labels      the emotions in a comment: one, several or none
          --task number      one number for a comment: how pleased it sounds, from 1 down to -4
          --task qa          the part of a paragraph that answers a question; a demonstration, far too small for a real model

          --data FILE        your own file instead of the shipped data; of every five rows the last is kept for the test
                             ner: a word, a tab and its tag (B-person, I-person, O) on a line, an empty line after each text
                             labels: columns Labels (joined by commas, or empty) and Text      number: columns Label and Text
                             qa: columns Context, Question, Answer and AnswerStart (where it begins in the context, from 0);
                             all questions of every fourth context are kept for the test
          --encoding NAME    the encoding of such columns, if it is neither UTF-8 nor UTF-16 nor Windows-1252
          --rows N           most training rows (default: ner 1000, labels and number 2000, qa all)
          --epochs N         epochs (default: ner, labels and number 3, qa 10)
          --optimizer NAME   ief (the default) or adamw, for comparison
          --seed N           seed of all that is random (default 1)
          --quick            few rows and one epoch: shows that everything works, not what it can do
          --output DIR       where the model and the picture go (default sample-output/tasks)
          --help             this text
        """;

    private static readonly string OutputFolder = Path.Combine("sample-output", "tasks");

    /// <summary>The options, or null when the arguments ask for help.</summary>
    public static TaskOptions? Parse(IReadOnlyList<string> arguments)
    {
        if (CommandOptions.AsksForHelp(arguments))
        {
            return null;
        }

        var options = new CommandOptions(arguments, Usage);
        var (task, quick) = (Task(options.Text("--task") ?? "ner"), options.Has("--quick"));
        if (options.Has("--encoding") && (!options.Has("--data") || task == TaskKind.Names))
        {
            throw new UsageException("--encoding tells of your own file with columns; name the file with --data. Files of words and tags are UTF-8.");
        }

        var usual = Sizes(task, quick);
        return new TaskOptions
        {
            Task = task,
            DataPath = options.Text("--data"),
            Encoding = options.Text("--encoding"),
            TrainingRows = options.Count("--rows") ?? usual.Training,
            TestRows = usual.Test,
            Epochs = options.Count("--epochs") ?? usual.Epochs,
            Optimizer = Optimizer(options.Text("--optimizer") ?? "ief"),
            Seed = options.Count("--seed") ?? 1,
            Quick = quick,
            OutputFolder = options.Text("--output") ?? OutputFolder,
        };
    }

    private static TaskKind Task(string name) => name switch
    {
        "ner" => TaskKind.Names,
        "qa" => TaskKind.Answers,
        "labels" => TaskKind.Labels,
        "number" => TaskKind.Number,
        _ => throw new UsageException($"There is no task \"{name}\". Use ner, qa, labels or number."),
    };

    private static OptimizerOptions Optimizer(string name) => name switch
    {
        "ief" => Optimizers.Ief,
        "adamw" => Optimizers.AdamW,
        _ => throw new UsageException($"There is no optimizer \"{name}\" here. Use ief or adamw."),
    };

    private static (int Training, int Test, int Epochs) Sizes(TaskKind task, bool quick) => (task, quick) switch
    {
        (TaskKind.Answers, false) => (int.MaxValue, int.MaxValue, 10),
        (TaskKind.Answers, true) => (8, 4, 1),
        (TaskKind.Names, false) => (1000, 600, 3),
        (_, false) => (2000, 800, 3),
        (_, true) => (64, 40, 1),
    };
}
