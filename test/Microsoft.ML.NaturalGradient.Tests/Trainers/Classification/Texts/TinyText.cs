using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>A random encoder of two layers with a vocabulary of 60 words, which trains in a moment, and rows to train it on.</summary>
internal static class TinyText
{
    private static readonly string[] SpecialTokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    private static readonly string[] Words =
    [
        "good", "great", "fine", "nice", "lovely", "bad", "poor", "dull", "ugly", "awful", "okay", "plain", "usual", "normal", "average",
        "film", "book", "song", "meal", "phone", "the", "a", "was", "is", "very", "quite", "and", "but", "so", "it",
        "we", "they", "this", "that", "not", "really", "day", "night", "in", "on", "at", "for", "with", "had", "have",
        "saw", "read", "ate", "used", "one", "two", "three", "always", "never", "again",
    ];

    private static readonly Dictionary<string, string[]> Adjectives = new()
    {
        ["good"] = Words[..5],
        ["bad"] = Words[5..10],
        ["neutral"] = Words[10..15],
    };

    private static readonly Lazy<string> LazyFolder = new(CreateFolder);

    /// <summary>Folder of the model.</summary>
    public static string Folder => LazyFolder.Value;

    public static PretrainedModel Model => PretrainedModel.FromFolder(Folder);

    /// <summary>Rows of the given classes in turn; texts of different lengths.</summary>
    public static TextRow[] Rows(int count, params string[] classes)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var label = classes.Length == 0 ? (i % 2 == 0 ? "good" : "bad") : classes[i % classes.Length];
            var adjectives = Adjectives[label];
            var filler = Enumerable.Range(0, 1 + random.Next(8)).Select(_ => Words[15 + random.Next(40)]);
            return new TextRow
            {
                Id = i,
                Label = label,
                Text = $"the {Words[15 + random.Next(5)]} was {adjectives[random.Next(5)]} {string.Join(' ', filler)}",
                Pair = string.Join(' ', filler.Reverse()),
            };
        })];
    }

    /// <summary>Rows as a data view whose label is a key.</summary>
    public static IDataView KeyedRows(MLContext mlContext, int count, params string[] classes) =>
        mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(View(mlContext, Rows(count, classes))).Transform(View(mlContext, Rows(count, classes)));

    public static IDataView View(MLContext mlContext, IEnumerable<TextRow> rows) => mlContext.Data.LoadFromEnumerable(rows);

    /// <summary>Settings that train on the tiny model.</summary>
    public static TextClassificationTrainer.Options Options(Action<TextClassificationTrainer.Options>? change = null)
    {
        var options = new TextClassificationTrainer.Options
        {
            Sentence1ColumnName = nameof(TextRow.Text),
            Model = Model,
            MaxEpoch = 2,
            BatchSize = 8,
        };
        change?.Invoke(options);
        return options;
    }

    public static TextClassificationTrainer Trainer(MLContext mlContext, Action<TextClassificationTrainer.Options>? change = null) =>
        mlContext.MulticlassClassification.Trainers.TextClassification(Options(change));

    /// <summary>Probabilities of all rows, in order.</summary>
    public static float[][] Scores(ITransformer model, IDataView data) => [.. model.Transform(data).GetColumn<float[]>("Score")];

    private static string CreateFolder()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "TinyText");
        Directory.CreateDirectory(folder);
        foreach (var file in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Fixtures", "encoders", "bert", file), Path.Combine(folder, file), overwrite: true);
        }

        File.WriteAllLines(Path.Combine(folder, "vocab.txt"), SpecialTokens.Concat(Words));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{ "do_lower_case": true, "tokenizer_class": "BertTokenizer" }""");
        return folder;
    }
}
