using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class TextClassificationTransformerTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void Transform_TextLabel_HasTheAnnotationsThatEvaluateReads()
    {
        var data = TinyText.KeyedRows(_mlContext, 9, "good", "neutral", "bad");
        using var model = TinyText.Trainer(_mlContext).Fit(data);

        var schema = model.Transform(data).Schema;

        var predicted = schema["PredictedLabel"];
        var score = schema["Score"];
        Assert.AreEqual(predicted.Index + 1, score.Index);
        Assert.AreEqual(3u, ((KeyDataViewType)predicted.Type).Count);
        Assert.AreEqual("good neutral bad", Texts(predicted, "KeyValues"));
        Assert.AreEqual("good neutral bad", Texts(score, "SlotNames"));
        Assert.AreEqual("good neutral bad", Texts(score, "TrainingLabelValues"));
        Assert.AreEqual("MulticlassClassification", Text(score, "ScoreColumnKind"));
        Assert.AreEqual("Score", Text(score, "ScoreValueKind"));
        Assert.AreEqual("PredictedLabel", Text(predicted, "ScoreValueKind"));
        Assert.AreEqual(1u, Value<uint>(score, "ScoreColumnSetId"));
        Assert.AreEqual(1u, Value<uint>(predicted, "ScoreColumnSetId"));
    }

    [TestMethod]
    public void Transform_NumericLabel_KeepsItsTypeAndNamesSlotsAsText()
    {
        var rows = new[] { 3f, 1.5f, 3f, 1.5f }.Select((label, i) => new NumericRow { Label = label, Text = TinyText.Rows(4)[i].Text! }).ToArray();
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(_mlContext.Data.LoadFromEnumerable(rows))
            .Transform(_mlContext.Data.LoadFromEnumerable(rows));
        using var model = TinyText.Trainer(_mlContext).Fit(data);

        var scored = model.Transform(data);
        var back = _mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored);

        Assert.AreEqual("3 1.5", Texts(scored.Schema["Score"], "SlotNames"));
        Assert.AreEqual(NumberDataViewType.Single, back.Schema["PredictedLabel"].Type);
        Assert.IsTrue(back.GetColumn<float>("PredictedLabel").All(value => value is 3f or 1.5f));
    }

    [TestMethod]
    public void Transform_KeyWithoutNames_NamesSlotsByTheirKeys()
    {
        var rows = TinyText.Rows(6).Select((row, i) => new KeyRow { Label = (uint)(i % 3) + 1, Text = row.Text! }).ToArray();
        var data = _mlContext.Data.LoadFromEnumerable(rows);

        using var model = TinyText.Trainer(_mlContext).Fit(data);

        Assert.AreEqual("1 2 3", Texts(model.Transform(data).Schema["Score"], "SlotNames"));
        CollectionAssert.AreEqual(new[] { "1", "2", "3" }, model.Model.ClassNames.ToArray());
    }

    [TestMethod]
    public void Transform_Scores_AreProbabilitiesAndThePredictedLabelTheirLargest()
    {
        var data = TinyText.KeyedRows(_mlContext, 40, "good", "bad", "neutral");
        using var model = TinyText.Trainer(_mlContext).Fit(data);

        var scored = model.Transform(data);

        foreach (var (scores, key) in scored.GetColumn<float[]>("Score").Zip(scored.GetColumn<uint>("PredictedLabel")))
        {
            Assert.AreEqual(1, scores.Sum(), 1e-6);
            Assert.AreEqual(scores.Max(), scores[key - 1]);
        }
    }

    [TestMethod]
    public void Transform_ManyRows_EqualsOneAtATime()
    {
        var data = TinyText.KeyedRows(_mlContext, 700);
        using var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(data);
        var rows = TinyText.Rows(700);

        var batched = TinyText.Scores(model, data);

        for (var i = 0; i < rows.Length; i += 23)
        {
            var single = model.Model.PredictProbabilities([rows[i].Text!])[0];
            for (var c = 0; c < single.Length; c++)
            {
                Assert.AreEqual(single[c], batched[i][c], 1e-5);
            }
        }
    }

    [TestMethod]
    public void Transform_FilteredAndShuffledSources_StayAligned()
    {
        var all = TinyText.KeyedRows(_mlContext, 300);
        using var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(all);
        var expected = TinyText.Scores(model, all).Select(scores => scores[0]).ToArray();
        var sources = new Dictionary<string, IDataView>
        {
            ["filtered"] = _mlContext.Data.FilterRowsByColumn(all, "Id", 20, 250),
            ["shuffled"] = _mlContext.Data.ShuffleRows(all, seed: 3),
            ["shuffled without a seed"] = new MLContext().Data.ShuffleRows(all),
            ["cached"] = _mlContext.Data.Cache(all),
            ["skipped"] = _mlContext.Data.SkipRows(all, 7),
        };

        foreach (var (name, source) in sources)
        {
            var scored = model.Transform(source);
            foreach (var (id, scores) in scored.GetColumn<float>("Id").Zip(scored.GetColumn<float[]>("Score")))
            {
                Assert.AreEqual(expected[(int)id], scores[0], 1e-5, name);
            }
        }
    }

    [TestMethod]
    public void Transform_OutputsNotRead_DoesNotReadTheTexts()
    {
        var data = TinyText.KeyedRows(_mlContext, 40);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        var scored = model.Transform(data);
        model.Dispose(); // scoring would throw from here on

        Assert.HasCount(40, scored.GetColumn<float>("Id"));
        Assert.ThrowsExactly<ObjectDisposedException>(() => scored.GetColumn<float[]>("Score").ToArray());
    }

    [TestMethod]
    public void Transform_ColumnNotAskedFor_SaysSo()
    {
        var data = TinyText.KeyedRows(_mlContext, 4);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        var scored = model.Transform(data);
        using var cursor = scored.GetRowCursor([scored.Schema["Score"]]);

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<uint>(scored.Schema["PredictedLabel"]));
        Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<float>(scored.Schema["Score"]));
    }

    [TestMethod]
    public void Transform_SourceThatChangesBetweenReads_SaysWhatToDo()
    {
        var training = TinyText.KeyedRows(_mlContext, 8);
        using var model = TinyText.Trainer(_mlContext).Fit(training);
        var reads = 0;
        IEnumerable<TextRow> Rows() => TinyText.Rows(40).Take(reads++ == 0 ? 40 : 10);
        var data = _mlContext.Data.LoadFromEnumerable(new Repeatable(Rows));

        var scored = model.Transform(data);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Read(scored, "Score", "Id"));
        StringAssert.Contains(error.Message, "Data.Cache");
    }

    [TestMethod]
    [DataRow(2, "Text")]
    [DataRow(66, "Text")]
    [DataRow(10, "Id")]
    [DataRow(100, "Id")]
    public void Transform_RowsThatCanBeReadOnce_AreRefusedAndNeverScoredAsOthers(int count, string other)
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        var queue = new Queue<TextRow>(TinyText.Rows(count));
        IEnumerable<TextRow> Once()
        {
            while (queue.TryDequeue(out var row))
            {
                yield return row;
            }
        }

        var scored = model.Transform(_mlContext.Data.LoadFromEnumerable(Once()));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Read(scored, "Score", other));
        StringAssert.Contains(error.Message, "a list in place of a queue");
    }

    [TestMethod]
    [DataRow("Text")]
    [DataRow("Id")]
    public void Transform_QueryThatShufflesAnew_IsRefusedWhateverElseIsRead(string other)
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        var random = new Random(1);

        var scored = model.Transform(_mlContext.Data.LoadFromEnumerable(TinyText.Rows(40).OrderBy(_ => random.Next())));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => Read(scored, "Score", other));
        StringAssert.Contains(error.Message, "a query that shuffles them anew");
    }

    [TestMethod]
    [DataRow(false, DisplayName = "nothing but predictions is read")]
    [DataRow(true, DisplayName = "all columns come from a cache")]
    public void Transform_RowsThatCanBeReadOnce_AreScoredWhereOneReadingIsEnough(bool isCached)
    {
        var rows = TinyText.Rows(100);
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        var queue = new Queue<TextRow>(rows);
        IEnumerable<TextRow> Once()
        {
            while (queue.TryDequeue(out var row))
            {
                yield return row;
            }
        }

        var data = _mlContext.Data.LoadFromEnumerable(Once());
        var scored = model.Transform(isCached ? _mlContext.Data.Cache(data, "Text", "Id") : data);
        using var cursor = scored.GetRowCursor(scored.Schema.Where(column => column.Name == "Score" || (isCached && column.Name == "Id")));
        var getter = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]);
        var getId = cursor.GetIdGetter();
        var (scores, value, id) = (new List<float>(), default(VBuffer<float>), default(DataViewRowId));
        while (cursor.MoveNext())
        {
            getter(ref value);
            getId(ref id);
            scores.AddRange(value.DenseValues());
            Assert.AreEqual((ulong)cursor.Position, id.Low);
        }

        Assert.IsFalse(cursor.MoveNext());
        var expected = TinyText.Scores(model, TinyText.View(_mlContext, rows));
        CollectionAssert.AreEqual(expected.SelectMany(row => row).ToArray(), scores);
    }

    [TestMethod]
    public void Transform_NoText_IsAMarkedSchemaError()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        var data = _mlContext.Transforms.DropColumns("Text").Fit(TinyText.KeyedRows(_mlContext, 4)).Transform(TinyText.KeyedRows(_mlContext, 4));

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => model.Transform(data));

        StringAssert.Contains(error.Message, "'Text'");
        Assert.IsTrue(error.IsMarked());
    }

    [TestMethod]
    public void Transform_WithoutLabelColumn_Scores()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));
        var data = _mlContext.Data.LoadFromEnumerable(TinyText.Rows(5).Select(row => new TextOnly { Text = row.Text! }));

        Assert.HasCount(5, TinyText.Scores(model, data));
    }

    [TestMethod]
    public void PredictionEngine_ScoresEachRowOnce_LikeTransform()
    {
        var data = TinyText.KeyedRows(_mlContext, 20);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        var expected = TinyText.Scores(model, data);
        using var engine = _mlContext.Model.CreatePredictionEngine<TextOnly, Prediction>(model, inputSchemaDefinition: null);

        var rows = TinyText.Rows(20);
        for (var i = 0; i < rows.Length; i++)
        {
            var prediction = engine.Predict(new TextOnly { Text = rows[i].Text! });
            Assert.AreEqual(expected[i][0], prediction.Score[0], 1e-5);
            Assert.AreEqual(prediction.Score[0] >= prediction.Score[1] ? 1u : 2u, prediction.PredictedLabel);
        }
    }

    [TestMethod]
    public void Transform_FromManyThreads_GivesTheSameScores()
    {
        var data = TinyText.KeyedRows(_mlContext, 64);
        using var model = TinyText.Trainer(_mlContext).Fit(data);
        var expected = TinyText.Scores(model, data).SelectMany(row => row).ToArray();

        var results = Enumerable.Range(0, 16).AsParallel().WithDegreeOfParallelism(8).Select(_ => TinyText.Scores(model, data)).ToArray();

        foreach (var result in results)
        {
            CollectionAssert.AreEqual(expected, result.SelectMany(row => row).ToArray());
        }
    }

    [TestMethod]
    public void Evaluate_PerClassNames_AreInTheConfusionMatrix()
    {
        var data = TinyText.KeyedRows(_mlContext, 30, "good", "bad", "neutral");
        using var model = TinyText.Trainer(_mlContext).Fit(data);

        var metrics = _mlContext.MulticlassClassification.Evaluate(model.Transform(data), topKPredictionCount: 3);

        var table = metrics.ConfusionMatrix.GetFormattedConfusionTable();
        StringAssert.Contains(table, "neutral");
        Assert.AreEqual(1, metrics.TopKAccuracy, 1e-12);
        var logLoss = TinyText.Scores(model, data).Zip(data.GetColumn<uint>("Label"), (scores, key) => -Math.Log(scores[key - 1])).Average();
        Assert.AreEqual(logLoss, metrics.LogLoss, 1e-6);
    }

    [TestMethod]
    public void CrossValidate_FoldWithoutAClass_Works()
    {
        var rows = TinyText.Rows(24);
        rows[5].Label = "neutral"; // one row: all folds but one train without it, or test without it
        var data = TinyText.View(_mlContext, rows);
        var keyed = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(data).Transform(data);

        var results = _mlContext.MulticlassClassification.CrossValidate(keyed, TinyText.Trainer(_mlContext), numberOfFolds: 3);

        Assert.HasCount(3, results);
        foreach (var result in results)
        {
            Assert.AreEqual(3, result.Metrics.ConfusionMatrix.NumberOfClasses);
            ((IDisposable)result.Model).Dispose();
        }
    }

    [TestMethod]
    public void Pipeline_WithOtherColumnsBeforeAndAfter_Works()
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(24));
        var pipeline = _mlContext.Transforms.CopyColumns("Copy", "Text")
            .Append(_mlContext.Transforms.Conversion.MapValueToKey("Label"))
            .AppendCacheCheckpoint(_mlContext)
            .Append(TinyText.Trainer(_mlContext, options => options.Sentence2ColumnName = "Pair"))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Append(_mlContext.Transforms.CopyColumns("Again", "PredictedLabel"));

        using var model = pipeline.Fit(data);

        var scored = model.Transform(data);
        CollectionAssert.AreEqual(scored.GetColumn<string>("PredictedLabel").ToArray(), scored.GetColumn<string>("Again").ToArray());
        Assert.IsTrue(scored.GetColumn<string>("Again").All(label => label is "good" or "bad"));
        Assert.HasCount(10, scored.Preview(maxRows: 10).RowView);
    }

    [TestMethod]
    public void PredictProbabilities_PairsOfAnotherCount_Refuses()
    {
        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));

        Assert.ThrowsExactly<ArgumentException>(() => model.Model.PredictProbabilities(["one", "two"], ["one"]));
    }

    private static void Read(IDataView data, params string[] names)
    {
        using var cursor = data.GetRowCursor(data.Schema.Where(column => names.Contains(column.Name)));
        while (cursor.MoveNext())
        {
        }
    }

    private static string Texts(DataViewSchema.Column column, string kind)
    {
        if (column.Annotations.Schema[kind].Type.GetItemType() == NumberDataViewType.Single)
        {
            return string.Join(' ', Value<VBuffer<float>>(column, kind).DenseValues());
        }

        return string.Join(' ', Value<VBuffer<ReadOnlyMemory<char>>>(column, kind).DenseValues());
    }

    private static string Text(DataViewSchema.Column column, string kind) => Value<ReadOnlyMemory<char>>(column, kind).ToString();

    private static T Value<T>(DataViewSchema.Column column, string kind)
    {
        var value = default(T)!;
        column.Annotations.GetValue(kind, ref value);
        return value;
    }

    private sealed class TextOnly
    {
        public string Text { get; set; } = "";
    }

    private sealed class NumericRow
    {
        public float Label { get; set; }

        public string Text { get; set; } = "";
    }

    private sealed class KeyRow
    {
        [KeyType(3)]
        public uint Label { get; set; }

        public string Text { get; set; } = "";
    }

    private sealed class Prediction
    {
        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }

    private sealed class Repeatable(Func<IEnumerable<TextRow>> rows) : IEnumerable<TextRow>
    {
        public IEnumerator<TextRow> GetEnumerator() => rows().GetEnumerator();

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
