using Samples;

namespace ReplicationSample;

/// <summary>Texts that are made up: any number of classes, few rows of each.</summary>
/// <remarks>
/// A class is a pair of ordinary words, what is done and what it is done to; each word belongs to many classes. A text has the two words of its class
/// among others that say nothing. Classes and texts follow from a fixed seed, the same for every seed of a run.
/// </remarks>
internal static class SyntheticRows
{
    private const int Seed = 1;

    private static readonly string[] Deeds =
    [
        "buy", "sell", "paint", "wash", "break", "repair", "hide", "find", "carry", "drop", "draw", "measure", "lend", "steal", "burn", "freeze",
        "fold", "cut", "count", "weigh", "polish", "bury", "throw", "catch", "rent", "order", "return", "wrap", "open", "close", "empty", "fill",
        "photograph", "describe", "forget", "copy", "inspect", "move", "push", "pull",
    ];

    private static readonly string[] Things =
    [
        "car", "house", "bicycle", "lamp", "table", "guitar", "letter", "shirt", "clock", "bottle", "carpet", "mirror", "knife", "ladder", "camera",
        "piano", "basket", "umbrella", "candle", "engine", "boat", "tent", "pillow", "window", "door", "coin", "ring", "book", "map", "phone", "chair",
        "bridge", "garden", "oven", "helmet", "drum", "rope", "bucket", "statue", "wheel",
    ];

    private static readonly string[] Others =
    [
        "today", "tomorrow", "slowly", "quickly", "again", "perhaps", "with friends", "in the morning", "at night", "before lunch", "without help",
        "for my aunt", "near the station", "on sunday", "as planned", "in the rain", "once more", "right away", "later", "together", "alone", "twice",
        "after work", "in spring", "by mistake", "for free",
    ];

    /// <summary>Makes the rows of an experiment: training rows in equal numbers of each class, validation rows of classes drawn at random.</summary>
    public static TaskData Create(Experiment experiment)
    {
        var classCount = experiment.Classes ?? throw new UsageException("The task synthetic needs \"classes\", for example 150.");
        if (classCount < 2 || classCount > Deeds.Length * Things.Length)
        {
            throw new UsageException($"\"classes\" is {classCount}. The task synthetic makes from 2 to {Deeds.Length * Things.Length}.");
        }

        if (experiment.TrainingRows < classCount)
        {
            throw new UsageException($"\"trainingRows\" is {experiment.TrainingRows}, fewer than the {classCount} \"classes\". Use at least as many.");
        }

        var side = (int)Math.Ceiling(Math.Sqrt(classCount)); // the fewest words, so that each is in many classes
        var random = new Random(Seed);
        var pairs = (from deed in Deeds.Take(side) from thing in Things.Take(side) select (deed, thing)).ToArray();
        random.Shuffle(pairs);
        var classes = pairs[..classCount];
        var training = Enumerable.Range(0, experiment.TrainingRows / classCount).SelectMany(_ => classes).Select(Row).ToArray();
        random.Shuffle(training);
        return new TaskData(TaskKind.Texts, training, [.. random.GetItems(classes, experiment.ValidationRows).Select(Row)]);

        TaskRow Row((string Deed, string Thing) pair)
        {
            var others = random.GetItems(Others, 3);
            return new TaskRow { Label = $"{pair.Deed} {pair.Thing}", Text = $"{others[0]} we {pair.Deed} {others[1]} the {pair.Thing} {others[2]}" };
        }
    }
}
