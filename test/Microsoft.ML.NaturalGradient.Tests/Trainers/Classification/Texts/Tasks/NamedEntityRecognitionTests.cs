using Microsoft.ML.Data;
using static Microsoft.ML.NaturalGradient.Optimizers;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class NamedEntityRecognitionTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> AllOptimizers =>
    [
        [Ief], [Ef with { LearningRate = 0.1 }], [Sf with { LearningRate = 0.1 }], [Optimizers.AdamW with { LearningRate = 0.01 }], [Kfac], [Ief with { LearningRate = 1 }],
    ];

    [TestMethod]
    [DynamicData(nameof(AllOptimizers))]
    public void Fit_AnyOptimizer_LowersTheLoss(OptimizerOptions optimizer)
    {
        var losses = new EpochLosses();

        using var model = Trainer(options =>
        {
            options.Optimizer = optimizer;
            options.MaxEpoch = 4;
            options.MetricsCallback = losses.Report;
        }).Fit(View(Rows(48)));

        losses.AssertFell();
    }

    [TestMethod]
    public void Fit_WordsWithTagsOfTheirOwn_FindsThemInNewTexts()
    {
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (12, Adapters.Full)).Fit(View(Rows(96)));

        var metrics = _mlContext.MulticlassClassification.EvaluateNamedEntities(model.Transform(View(Rows(40, seed: 2))));
        Assert.IsGreaterThan(0.9, metrics.F1);
    }

    [TestMethod]
    public void Fit_VectorOfWords_IsTheSameAsTheText()
    {
        var rows = Rows(24);
        var vectors = _mlContext.Data.LoadFromEnumerable(rows.Select(row => new { Sentence = row.Sentence.Split(' '), row.Label }));
        using var ofTexts = Trainer().Fit(View(rows));
        using var ofWords = Trainer().Fit(Keyed(vectors));

        CollectionAssert.AreEqual(Scores(ofTexts.Transform(View(rows))), Scores(ofWords.Transform(Keyed(vectors))));
        CollectionAssert.AreEqual(Scores(ofTexts.Transform(View(rows))), Scores(ofTexts.Transform(Keyed(vectors))));
    }

    [TestMethod]
    public void Fit_TagsWithoutAnOutside_TakeMissingOnesForIt()
    {
        // As in ML.NET's samples: only names have keys.
        var rows = Rows(64);
        var keys = _mlContext.Data.LoadFromEnumerable(new[] { new { Value = "THING" }, new { Value = "TIME" } });
        var data = _mlContext.Data.LoadFromEnumerable(rows.Select(row => new { row.Sentence, Label = row.Label.Select(tag => tag.Split('-')[^1]).ToArray() }));
        var keyed = _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);

        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (12, Adapters.Full)).Fit(keyed);

        var predicted = model.Transform(keyed).GetColumn<VBuffer<uint>>("PredictedLabel").Select(row => row.DenseValues().ToArray()).ToArray();
        var expected = keyed.GetColumn<VBuffer<uint>>("Label").Select(row => row.DenseValues().ToArray()).ToArray();
        var pairs = predicted.SelectMany(row => row).Zip(expected.SelectMany(row => row)).ToArray();
        Assert.IsGreaterThan(0.95, pairs.Count(pair => pair.First == pair.Second) / (double)pairs.Length);
        Assert.IsTrue(pairs.Any(pair => pair.First == 0));
        CollectionAssert.AreEqual(new[] { "O", "THING", "TIME" }, model.Model.Tags.ToArray());
    }

    [TestMethod]
    public void Fit_OneTagWithoutAnOutside_TellsItFromOtherWords()
    {
        var data = Names(64);
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter) = (12, Adapters.Full)).Fit(data);
        using var stream = new MemoryStream();
        _mlContext.Model.Save(model, data.Schema, stream);
        using var loaded = (NamedEntityRecognitionTransformer)_mlContext.Model.Load(stream, out _);

        CollectionAssert.AreEqual(new[] { "O", "THING" }, loaded.Model.Tags.ToArray());
        CollectionAssert.AreEqual(new[] { "O", "THING", "O", "O" }, loaded.Model.PredictTags(["the film was good"])[0].ToArray());
        CollectionAssert.AreEqual(Scores(model.Transform(data)), Scores(loaded.Transform(data)));
    }

    [TestMethod]
    public void Fit_NoTagButThatOfOtherWords_IsRefused()
    {
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Trainer().Fit(View([new TaggedRow { Sentence = "the film", Label = ["O", "O"] }])));

        StringAssert.StartsWith(error.Message, "The only tag is 'O', that of words that belong to nothing.");
    }

    [TestMethod]
    public void Transform_TextOfManyWindows_ScoresEveryWordWithWhatIsAroundIt()
    {
        const int Room = 10; // words of one token, between the two special tokens
        const int LeastAround = 2;
        using var model = Trainer(options => options.MaxSequenceLength = Room + 2).Fit(View(Rows(24)));
        var words = Rows(20, seed: 3).SelectMany(row => row.Sentence.Split(' ')).ToArray();

        var scores = Score(words);

        Assert.HasCount(words.Length, scores);
        for (var word = 0; word < words.Length; word++)
        {
            // It is scored as in a text of ten words of which two at least stand on either side, where there are as many.
            var starts = Enumerable.Range(0, words.Length - Room + 1).Where(start => (start == 0 || word - start >= LeastAround)
                && (start + Room == words.Length || start + Room - 1 - word >= LeastAround) && word >= start && word < start + Room);
            Assert.IsTrue(starts.Any(start => Math.Abs(Score(words[start..(start + Room)])[word - start] - scores[word]) < 1e-5f), $"word {word}");
        }

        float[] Score(string[] text) => Scores(model.Transform(_mlContext.Data.LoadFromEnumerable(new[] { new { Sentence = string.Join(' ', text) } })));
    }

    [TestMethod]
    public void FindEntities_GivesExactPartsOfTheText_AndTheColumnsSayTheSame()
    {
        using var model = Trainer(options => (options.MaxEpoch, options.Adapter, options.EntitiesColumnName) = (12, Adapters.Full, "Entities")).Fit(View(Rows(96)));
        const string text = "  the  film was\tgood at night ";

        var entities = model.Model.FindEntities([text])[0];

        Assert.IsNotEmpty(entities);
        foreach (var entity in entities)
        {
            Assert.AreEqual(entity.Text, text.Substring(entity.Start, entity.Text.Length));
            Assert.IsTrue(entity.Score is > 0 and <= 1);
        }

        CollectionAssert.Contains(entities.Select(entity => (entity.Text, entity.Type)).ToArray(), ("film", "THING"));
        var scored = model.Transform(_mlContext.Data.LoadFromEnumerable(new[] { new { Sentence = text } }));
        CollectionAssert.AreEqual(entities.Select(entity => entity.Start).ToArray(), scored.GetColumn<int[]>("Entities.Start").Single());
        CollectionAssert.AreEqual(entities.Select(entity => entity.Text.Length).ToArray(), scored.GetColumn<int[]>("Entities.Length").Single());
        CollectionAssert.AreEqual(entities.Select(entity => entity.Type).ToArray(), scored.GetColumn<string[]>("Entities.Type").Single());
        CollectionAssert.AreEqual(entities.Select(entity => entity.Score).ToArray(), scored.GetColumn<float[]>("Entities.Score").Single());
    }

    [TestMethod]
    public void Trainer_KeepsTheEstimatorContract() => EstimatorContract.Check(
        _mlContext, Trainer(options => options.EntitiesColumnName = "Entities"), View(Rows(12)), _mlContext.Data.LoadFromEnumerable([new { Label = 1f, Sentence = 2f }]), "Score", "PredictedLabel");

    [TestMethod]
    public void Fit_TagsAndWordsOfUnequalNumber_NamesTheRow()
    {
        var rows = Rows(8);
        rows[5].Label = rows[5].Label[..^1];

        var error = Assert.ThrowsExactly<InvalidDataException>(() => Trainer().Fit(View(rows)));

        StringAssert.StartsWith(error.Message, $"Row 6: There are {rows[5].Label.Length} tags for {rows[5].Label.Length + 1} words.");
    }

    [TestMethod]
    public void Transform_EmptyTextAndCharactersOfNoToken_HaveNoTag()
    {
        using var model = Trainer().Fit(View(Rows(12)));
        var data = _mlContext.Data.LoadFromEnumerable(new[] { new { Sentence = "" }, new { Sentence = "film \u0001 book" }, new { Sentence = "   " } });

        var keys = model.Transform(data).GetColumn<VBuffer<uint>>("PredictedLabel").Select(row => row.DenseValues().ToArray()).ToArray();

        Assert.IsEmpty(keys[0]);
        Assert.HasCount(3, keys[1]);
        Assert.AreEqual(0u, keys[1][1]);
        Assert.IsEmpty(keys[2]);
    }

    [TestMethod]
    public void Fit_OnlyTextsWithoutLabelsOrTokens_SaysSo()
    {
        var rows = new[] { new TaggedRow { Sentence = "\u0001", Label = ["O"] }, new TaggedRow { Sentence = "\u0001", Label = ["B-THING"] }, new TaggedRow { Sentence = "", Label = [] } };

        var error = Assert.Throws<InvalidOperationException>(() => Trainer().Fit(View(rows)));

        StringAssert.Contains(error.Message, "All 3 training rows have a missing label.");
    }

    [TestMethod]
    public void TrainAndScore_TextOfManyThousandWordsAndManyTags_AreReadWhole()
    {
        var words = Enumerable.Range(0, 30_000).Select(i => i % 3 == 0 ? "film" : "good").ToArray();
        var row = new TaggedRow { Sentence = string.Join(' ', words), Label = [.. Enumerable.Range(0, words.Length).Select(i => $"B-{i % 300}")] };
        using var model = Trainer(options => (options.MaxEpoch, options.BatchSize, options.Adapter) = (1, 512, Adapters.HeadOnly)).Fit(View([row]));

        Assert.HasCount(words.Length, model.Model.PredictTags([row.Sentence])[0]);
        Assert.HasCount(300, model.Model.Tags.Where(tag => tag != "O").ToArray());
    }

    [TestMethod]
    public void Fit_MicroBatches_IsTheWholeBatch()
    {
        using var whole = Trainer().Fit(View(Rows(16)));
        using var parts = Trainer(options => options.MicroBatchSize = 3).Fit(View(Rows(16)));

        foreach (var (expected, actual) in Scores(whole.Transform(View(Rows(16)))).Zip(Scores(parts.Transform(View(Rows(16))))))
        {
            Assert.AreEqual(expected, actual, 1e-3f);
        }
    }

    [TestMethod]
    public void Fit_TextToText_IsRefused()
    {
        var error = Assert.ThrowsExactly<NotSupportedException>(() => Trainer(options => options.Model = TinyT5.Model).Fit(View(Rows(8))));

        StringAssert.Contains(error.Message, "has no head for tokens");
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(5)]
    public void Fit_RowOfWeightTwo_IsTheRowTwice(int epochs)
    {
        var rows = Rows(6);
        using var twice = Trainer(options => (options.MaxEpoch, options.BatchSize, options.Model) = (epochs, 16, TinyText.Model)).Fit(View([.. rows, rows[0], rows[2]]));
        var weighted = Keyed(_mlContext.Data.LoadFromEnumerable(rows.Select((row, i) => new { row.Sentence, row.Label, Weight = i is 0 or 2 ? 2f : 1f })));
        using var once = Trainer(options => (options.MaxEpoch, options.BatchSize, options.ExampleWeightColumnName) = (epochs, 16, "Weight")).Fit(weighted);

        var (first, second) = (Scores(twice.Transform(View(rows))), Scores(once.Transform(View(rows))));

        for (var i = 0; i < first.Length; i++)
        {
            Assert.AreEqual(first[i], second[i], 2e-3f); // float32: another order of sums
        }
    }

    // Only words of one kind have a key.
    private IDataView Names(int count)
    {
        var keys = _mlContext.Data.LoadFromEnumerable(new[] { new { Value = "THING" } });
        var data = _mlContext.Data.LoadFromEnumerable(Rows(count).Select(row => new { row.Sentence, Label = row.Label.Select(tag => tag.Split('-')[^1]).ToArray() }));
        return _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(data).Transform(data);
    }

    private static float[] Scores(IDataView data) => [.. data.GetColumn<VBuffer<float>>("Score").SelectMany(row => row.DenseValues())];

    private IDataView Keyed(IDataView data) => _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);

    private IDataView View(IEnumerable<TaggedRow> rows) => Keyed(_mlContext.Data.LoadFromEnumerable(rows));

    private NamedEntityRecognitionTrainer Trainer(Action<NamedEntityRecognitionTrainer.Options>? change = null)
    {
        var options = new NamedEntityRecognitionTrainer.Options { Model = TinyText.Model, MaxEpoch = 2, BatchSize = 8 };
        change?.Invoke(options);
        return _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(options);
    }

    // The noun and what follows "at" are names, the latter of two words.
    private static TaggedRow[] Rows(int count, int seed = 1)
    {
        var random = new Random(seed);
        string[] things = ["film", "book", "song", "meal", "phone"], adjectives = ["good", "great", "bad", "dull", "okay"];
        return [.. Enumerable.Range(0, count).Select(i => i % 3 == 0
            ? new TaggedRow { Sentence = $"{things[random.Next(5)]} was {adjectives[random.Next(5)]}", Label = ["B-THING", "O", "O"] }
            : new TaggedRow
            {
                Sentence = $"the {things[random.Next(5)]} was {adjectives[random.Next(5)]} at night day",
                Label = ["O", "B-THING", "O", "O", "O", "B-TIME", "I-TIME"],
            })];
    }

    private sealed class TaggedRow
    {
        public string Sentence { get; set; } = "";

        public string[] Label { get; set; } = [];
    }
}
