using System.Globalization;
using CsCheck;
using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

[TestClass]
public sealed class NamedEntityMetricsTests
{
    private static readonly string[] Letters = ["B", "I", "E", "S", "L", "U", "M", "W"];
    private static readonly string[] AllTags = ["O", .. Letters, .. Letters.SelectMany(letter => new[] { "PER", "LOC", "a-b" }.Select(type => $"{letter}-{type}"))];
    private static readonly Gen<string[]> Tags = EvaluationData.OneOf(AllTags).Array[0, 12];

    [TestMethod]
    public void EvaluateNamedEntities_ByHand_CountsExactEntities()
    {
        // label: PER 0-2, LOC 3, PER 5; predicted: PER 0-2, LOC 3-4 (too long), ORG 5 (other type)
        var metrics = Evaluate(("B-PER I-PER O B-LOC O B-PER", "B-PER I-PER O B-LOC I-LOC B-ORG"));

        Assert.AreEqual((3, 3, 1), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount));
        Assert.AreEqual((1 / 3.0, 1 / 3.0, 1 / 3.0), (metrics.Precision, metrics.Recall, metrics.F1));
        Assert.AreEqual(4 / 6.0, metrics.TagAccuracy);
        CollectionAssert.AreEqual(new[] { "LOC", "ORG", "PER" }, metrics.PerType.Keys.ToArray());
        var (person, place, organisation) = (metrics.PerType["PER"], metrics.PerType["LOC"], metrics.PerType["ORG"]);
        Assert.AreEqual((2, 1, 1, 1.0, 0.5, 2 / 3.0), (person.EntityCount, person.PredictedCount, person.CorrectCount, person.Precision, person.Recall, person.F1));
        Assert.AreEqual((1, 1, 0, 0.0, 0.0, 0.0), (place.EntityCount, place.PredictedCount, place.CorrectCount, place.Precision, place.Recall, place.F1));
        Assert.AreEqual((0, 1, 0, 0.0, 0.0, 0.0), (organisation.EntityCount, organisation.PredictedCount, organisation.CorrectCount, organisation.Precision, organisation.Recall, organisation.F1));
        Assert.AreEqual(2 / 9.0, metrics.MacroF1, 1e-15);
    }

    [TestMethod]
    [DataRow("O I-PER I-PER O", "O B-PER I-PER O", DisplayName = "I after O begins an entity")]
    [DataRow("I-PER I-LOC", "B-PER B-LOC", DisplayName = "another type begins an entity")]
    [DataRow("B-PER I-LOC", "B-PER B-LOC", DisplayName = "another type begins an entity after B")]
    [DataRow("S-PER S-PER B-LOC I-LOC E-LOC O", "B-PER B-PER B-LOC I-LOC I-LOC O", DisplayName = "IOBES")]
    [DataRow("U-PER U-PER B-LOC I-LOC L-LOC O", "B-PER B-PER B-LOC I-LOC I-LOC O", DisplayName = "BILOU")]
    [DataRow("W-PER W-PER B-LOC M-LOC E-LOC O", "B-PER B-PER B-LOC I-LOC I-LOC O", DisplayName = "BMEWO")]
    [DataRow("B-PER E-PER I-PER", "B-PER I-PER B-PER", DisplayName = "what comes after the end is another entity")]
    [DataRow("O E-PER E-PER", "O B-PER B-PER", DisplayName = "an end alone is an entity")]
    [DataRow("PER PER LOC O PER", "B-PER I-PER B-LOC O B-PER", DisplayName = "types alone: equal ones in a row are one entity")]
    [DataRow("BIRTH-DATE DEATH-DATE", "B-BIRTH-DATE B-DEATH-DATE", DisplayName = "a type with a hyphen alone")]
    [DataRow("PER-X I-PER-X", "B-PER-X I-PER-X", DisplayName = "hyphens in types")]
    [DataRow("X-PER", "B-X-PER", DisplayName = "a letter that means nothing is a part of the type")]
    public void EvaluateNamedEntities_OtherWaysToWriteTheSameEntities_AreRight(string label, string predicted)
    {
        var metrics = Evaluate((label, predicted));

        Assert.AreEqual((1, metrics.EntityCount, metrics.EntityCount), (metrics.F1, metrics.PredictedCount, metrics.CorrectCount));
        Assert.IsGreaterThan(0, metrics.EntityCount);
    }

    [TestMethod]
    [DataRow("B-PER B-PER", "B-PER I-PER", 2, 1, DisplayName = "B after B")]
    [DataRow("I-PER B-PER", "I-PER I-PER", 2, 1, DisplayName = "B after I, as IOB1 has it")]
    [DataRow("B-PER I-PER I-PER", "B-PER I-PER O", 1, 1, DisplayName = "too short")]
    [DataRow("B-PER I-PER", "O I-PER", 1, 1, DisplayName = "begins too late")]
    [DataRow("B-PER", "B-LOC", 1, 1, DisplayName = "another type")]
    [DataRow("B-PER", "b-PER", 1, 1, DisplayName = "small letters are no prefixes")]
    [DataRow("B", "B-PER", 1, 1, DisplayName = "no type is another type")]
    [DataRow("S-PER O", "S-PER S-PER", 1, 2, 1, DisplayName = "one word each")]
    [DataRow("O O", "O B-PER", 0, 1)]
    [DataRow("O B-PER", "O O", 1, 0)]
    public void EvaluateNamedEntities_OtherEntities_AreNot(string label, string predicted, int entities, int predictions, int correct = 0)
    {
        var metrics = Evaluate((label, predicted));

        Assert.AreEqual((entities, predictions, correct), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount));
    }

    [TestMethod]
    public void EvaluateNamedEntities_TagsOfAnyOrder_CountAsConllevalDoes() => Gen.Select(Tags, Tags).Array[1, 4].Check(1000, draws =>
    {
        var rows = draws.Select(draw => (draw.Item1, Enumerable.Range(0, draw.Item1.Length).Select(word => word < draw.Item2.Length ? draw.Item2[word] : draw.Item1[word]).ToArray())).ToArray();
        if (rows.All(row => row.Item1.Length == 0))
        {
            return;
        }

        var metrics = EvaluateRows(AllTags, AllTags, rows);

        var expected = ConllCounts.Count(rows);
        CollectionAssert.AreEqual(expected.Keys.Order(StringComparer.Ordinal).ToArray(), metrics.PerType.Keys.ToArray());
        foreach (var (type, counts) in expected)
        {
            var actual = metrics.PerType[type];
            Assert.AreEqual(((long)counts.Actual, (long)counts.Predicted, (long)counts.Correct), (actual.EntityCount, actual.PredictedCount, actual.CorrectCount), type);
        }

        Assert.AreEqual(expected.Values.Sum(counts => counts.Correct), metrics.CorrectCount);
        var words = rows.SelectMany(row => row.Item1.Zip(row.Item2)).ToArray();
        Assert.AreEqual(words.Count(word => word.First == word.Second) / (double)words.Length, metrics.TagAccuracy);
        Assert.AreEqual(metrics.Precision + metrics.Recall == 0 ? 0 : 2 * metrics.Precision * metrics.Recall / (metrics.Precision + metrics.Recall), metrics.F1, 1e-12);
    });

    [TestMethod]
    public void EvaluateNamedEntities_SwappedColumns_SwapPrecisionAndRecall() => Gen.Select(Tags, Tags).Check(300, draw =>
    {
        var length = Math.Min(draw.Item1.Length, draw.Item2.Length);
        if (length == 0)
        {
            return;
        }

        var (first, second) = (draw.Item1[..length], draw.Item2[..length]);
        var (one, other) = (EvaluateRows(AllTags, AllTags, (first, second)), EvaluateRows(AllTags, AllTags, (second, first)));

        Assert.AreEqual((one.Precision, one.Recall, one.F1, one.MacroF1, one.TagAccuracy), (other.Recall, other.Precision, other.F1, other.MacroF1, other.TagAccuracy));
    });

    [TestMethod]
    public void EvaluateNamedEntities_KeysInAnotherOrder_AreComparedByName() => Gen.Select(Tags, Gen.Shuffle(AllTags)).Check(300, draw =>
    {
        if (draw.Item1.Length == 0)
        {
            return;
        }

        var metrics = EvaluateRows(AllTags, draw.Item2, (draw.Item1, draw.Item1));

        Assert.AreEqual((1.0, metrics.EntityCount), (metrics.TagAccuracy, metrics.CorrectCount));
    });

    [TestMethod]
    public void EvaluateNamedEntities_WordWithoutLabel_CountsNeitherAsTagNorAsEntity()
    {
        // the second word has no label: the label's entity ends before it, and the prediction there is one too many
        var metrics = Evaluate(("B-PER ? O", "B-PER B-LOC O"));

        Assert.AreEqual((1, 2, 1), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount));
        Assert.AreEqual(1.0, metrics.TagAccuracy);
    }

    [TestMethod]
    public void EvaluateNamedEntities_WordWithoutLabel_PartsEntities() => Assert.AreEqual(2, Evaluate(("B-PER ? I-PER", "O O O")).EntityCount);

    [TestMethod]
    public void EvaluateNamedEntities_WordWithoutPrediction_IsOutside()
    {
        var metrics = Evaluate(("O B-PER I-PER O", "? B-PER ? ?"));

        Assert.AreEqual((1, 1, 0), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount));
        Assert.AreEqual(0.75, metrics.TagAccuracy);
    }

    [TestMethod]
    public void EvaluateNamedEntities_ZeroOrNoPrediction_IsAsRightAsO()
    {
        var metrics = Evaluate(Data(["0", "PER"], ["O", "PER"], ([1, 1, 2], [0, 1, 2])));

        Assert.AreEqual((1, 1, 1.0), (metrics.EntityCount, metrics.CorrectCount, metrics.TagAccuracy));
    }

    [TestMethod]
    public void EvaluateNamedEntities_KeyBeyondTheLast_IsMissing()
    {
        var metrics = Evaluate(Data(["O", "B-PER"], ["O", "B-PER"], ([2, 3, 1], [2, 1, 3])));

        Assert.AreEqual((1, 1, 1, 1.0), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount, metrics.TagAccuracy));
    }

    [TestMethod]
    public void EvaluateNamedEntities_RowThatEndsInAnEntity_EndsTheEntity()
    {
        var metrics = Evaluate(("B-PER", "B-PER"), ("I-PER", "B-PER"));

        Assert.AreEqual((2, 2, 2), (metrics.EntityCount, metrics.PredictedCount, metrics.CorrectCount));
    }

    [TestMethod]
    public void EvaluateNamedEntities_NoEntityAtAll_IsZeroAndNotUndefined()
    {
        var metrics = Evaluate(("O O", "O O"));

        Assert.AreEqual((0, 0, 0, 0, 1), (metrics.Precision, metrics.Recall, metrics.F1, metrics.MacroF1, metrics.TagAccuracy));
        Assert.IsEmpty(metrics.PerType);
    }

    [TestMethod]
    public void EvaluateNamedEntities_ColumnsOfTexts_MadeToKeys_AreRead()
    {
        var (mlContext, rows) = (EvaluationData.Context, new[] { new TextRow { Label = ["B-PER", "O"], Guess = ["O", "O"] }, new TextRow { Label = ["O"], Guess = ["O"] } });
        var data = mlContext.Data.LoadFromEnumerable(rows);
        var keys = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(mlContext.Transforms.Conversion.MapValueToKey("Guess")).Fit(data).Transform(data);

        var metrics = mlContext.MulticlassClassification.EvaluateNamedEntities(keys, predictedLabelColumnName: "Guess");

        Assert.AreEqual((1, 0, 2 / 3.0), (metrics.EntityCount, metrics.PredictedCount, metrics.TagAccuracy));
    }

    [TestMethod]
    public void EvaluateNamedEntities_OneColumnAsBoth_IsPerfect()
    {
        var data = Data(["O", "B-PER"], ["O"], ([2, 1, 2], [1]));

        var metrics = EvaluationData.Context.MulticlassClassification.EvaluateNamedEntities(data, "Label", "Label");

        Assert.AreEqual((2, 1.0, 1.0), (metrics.CorrectCount, metrics.F1, metrics.TagAccuracy));
    }

    [TestMethod]
    public void EvaluateNamedEntities_OtherNumberOfPredictions_NamesTheRow()
    {
        var data = Data(["O"], ["O"], ([1], [1]), ([1, 1], [1]));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(data));

        Assert.AreEqual("Row 2 has 2 tags in 'Label' and 1 in 'PredictedLabel'. Give each word one of both.", error.Message);
    }

    [TestMethod]
    public void EvaluateNamedEntities_NothingToMeasure_SaysSo()
    {
        StringAssert.StartsWith(Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Data(["O"], ["O"]))).Message, "The data has no rows");
        StringAssert.StartsWith(
            Assert.ThrowsExactly<InvalidOperationException>(() => Evaluate(Data(["O"], ["O"], ([0], [1]), ([], [])))).Message, "No word of the data has a tag in 'Label'");
    }

    [TestMethod]
    public void EvaluateNamedEntities_WrongColumns_SayWhatIsNeeded()
    {
        var data = Data(["O"], ["O"], ([1], [1]));
        var catalog = EvaluationData.Context.MulticlassClassification;
        var texts = EvaluationData.Context.Data.LoadFromEnumerable(new[] { new TextRow { Label = ["O"] } });
        var unnamed = EvaluationData.Rows(new[] { new KeyRow { Label = [1], PredictedLabel = [1] } }, schema =>
        {
            schema.HasKeys("Label", 2, "O", "B-PER");
            schema.HasKeys("PredictedLabel", 2);
        });

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateNamedEntities(data, "Tags")).Message, "'Tags'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateNamedEntities(data, predictedLabelColumnName: "Tags")).Message, "'Tags'");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateNamedEntities(texts)).Message, "expected Vector<Key<UInt32>>, which Transforms.Conversion.MapValueToKey makes of a vector of texts, got Vector<String>");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => catalog.EvaluateNamedEntities(unnamed)).Message, "'PredictedLabel'");
        Assert.ThrowsExactly<ArgumentNullException>(() => catalog.EvaluateNamedEntities(null!));
        Assert.ThrowsExactly<ArgumentException>(() => catalog.EvaluateNamedEntities(data, ""));
    }

    [TestMethod]
    public void ToString_AnyCulture_IsATable()
    {
        var before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            var lines = Evaluate(("B-PER O", "B-PER B-LOC")).ToString().Split(Environment.NewLine);

            CollectionAssert.AreEqual(
                new[]
                {
                    "type   precision  recall     F1  entities  predicted  correct",
                    "LOC        0.000   0.000  0.000         0          1        0",
                    "PER        1.000   1.000  1.000         1          1        1",
                    "(all)      0.500   1.000  0.667         1          2        1",
                },
                lines);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    // Tags with blanks between; a question mark for a missing key. The keys of the predictions are in the opposite order.
    private static NamedEntityMetrics Evaluate(params (string Label, string Predicted)[] rows)
    {
        var split = rows.Select(row => (row.Label.Split(' '), row.Predicted.Split(' '))).ToArray();
        var names = split.SelectMany(row => row.Item1.Concat(row.Item2)).Where(tag => tag != "?").Distinct().ToArray();
        return EvaluateRows(names, [.. names.Reverse()], split);
    }

    private static NamedEntityMetrics EvaluateRows(string[] names, string[] predictedNames, params (string[] Labels, string[] Predictions)[] rows) => Evaluate(Data(
        names, predictedNames, [.. rows.Select(row => (Keys(names, row.Labels), Keys(predictedNames, row.Predictions)))]));

    private static NamedEntityMetrics Evaluate(IDataView data) => EvaluationData.Context.MulticlassClassification.EvaluateNamedEntities(data);

    private static uint[] Keys(string[] names, string[] tags) => [.. tags.Select(tag => (uint)(Array.IndexOf(names, tag) + 1))];

    private static IDataView Data(string[] names, string[] predictedNames, params (uint[] Label, uint[] Predicted)[] rows) => EvaluationData.Rows(
        rows.Select(row => new KeyRow { Label = row.Label, PredictedLabel = row.Predicted }),
        schema =>
        {
            schema.HasKeys("Label", names.Length, names);
            schema.HasKeys("PredictedLabel", predictedNames.Length, predictedNames);
        });

    private sealed class KeyRow
    {
        public uint[] Label { get; set; } = [];

        public uint[] PredictedLabel { get; set; } = [];
    }

    private sealed class TextRow
    {
        public string[] Label { get; set; } = [];

        public string[] Guess { get; set; } = [];
    }
}
