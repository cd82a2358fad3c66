using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>An exported folder as a step of a pipeline.</summary>
[TestClass]
public sealed class ApplyNaturalGradientOnnxTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("apply-onnx").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    public static IEnumerable<object[]> Tasks => ServingTasks.Names.Select(name => new object[] { name });

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Tasks))]
    public void Fit_FolderOfEveryTask_ScoresLikeTheTrainedTransformer(string task)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);
        Export(trained);

        using var applied = Apply(task).Fit(data);

        var (expected, actual) = (((ITransformer)trained).Transform(data), applied.Transform(data));
        foreach (var name in ServingTasks.Outputs(task).Where(name => !name.StartsWith("Entity", StringComparison.Ordinal)))
        {
            Assert.AreEqual(ColumnText.Describe(expected.Schema[name]), ColumnText.Describe(actual.Schema[name]));
            if (name == "Score")
            {
                SaveForServingTests.AssertNear(ColumnText.Numbers(expected, name), ColumnText.Numbers(actual, name));
            }
            else
            {
                CollectionAssert.AreEqual(ColumnText.Values(expected, name), ColumnText.Values(actual, name));
            }
        }
    }

    [TestMethod]
    [DataRow("class")]
    [DataRow("number")]
    [DataRow("classes")]
    [DataRow("tags")]
    [DataRow("answer")]
    [DataRow("picture")]
    public void Estimator_OfATask_KeepsTheContract(string task)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using (var trained = (IDisposable)ServingTasks.Train(_mlContext, task))
        {
            Export(trained);
        }

        EstimatorContract.Check(
            _mlContext, Apply(task), data, _mlContext.Data.LoadFromEnumerable(new[] { new { Other = 1f } }),
            [.. ServingTasks.Outputs(task).Where(name => !name.StartsWith("Entity", StringComparison.Ordinal))]);
    }

    [TestMethod]
    public void Fit_FolderWithWeightsBesideTheGraph_ScoresLikeTheModelUntilTheyChange()
    {
        var data = TinyText.KeyedRows(_mlContext, 12);
        using var trained = TinyText.Trainer(_mlContext).Fit(data);
        trained.Model.SaveOnnx(_folder, new OnnxExportOptions { LargestFile = 1 });
        Assert.IsTrue(File.Exists(Path.Combine(_folder, "model.onnx_data")));

        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(data);

        SaveForServingTests.AssertNear(ColumnText.Numbers(trained.Transform(data), "Score"), ColumnText.Numbers(applied.Transform(data), "Score"));
        var weights = File.ReadAllBytes(Path.Combine(_folder, "model.onnx_data"));
        weights[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(_folder, "model.onnx_data"), weights);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text")).Message, "checksum");
        var zip = Path.Combine(_folder, "model.zip");
        StringAssert.Contains(Assert.Throws<NotSupportedException>(() => _mlContext.Model.Save(applied, data.Schema, zip)).Message, "ApplyNaturalGradientOnnx");
    }

    [TestMethod]
    public void Fit_FolderOfOneTagBesideNone_ScoresLikeTheTrainedTransformer()
    {
        var keys = _mlContext.Data.LoadFromEnumerable(new[] { new { Value = "THING" } });
        var rows = _mlContext.Data.LoadFromEnumerable(new[] { new { Sentence = "the film was good", Label = new[] { "", "THING", "", "" } }, new { Sentence = "good book", Label = new[] { "", "THING" } } });
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: keys).Fit(rows).Transform(rows);
        using var trained = _mlContext.MulticlassClassification.Trainers.NamedEntityRecognition(Optimizers.Ief, maxEpochs: 2, model: TinyText.Model).Fit(data);
        trained.Model.SaveOnnx(_folder);

        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Sentence").Fit(data);

        SaveForServingTests.AssertNear(ColumnText.Numbers(trained.Transform(data), "Score"), ColumnText.Numbers(applied.Transform(data), "Score"));
        CollectionAssert.AreEqual(ColumnText.Values(trained.Transform(data), "PredictedLabel"), ColumnText.Values(applied.Transform(data), "PredictedLabel"));
    }

    [TestMethod]
    public void Apply_SaveWasInterruptedWhileMoving_CompletesIt()
    {
        var data = TinyText.KeyedRows(_mlContext, 12);
        using (var trained = TinyText.Trainer(_mlContext).Fit(data))
        {
            trained.Model.SaveOnnx(Path.Combine(_folder, ".saved"));
        }

        _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(data).Dispose();

        Assert.IsTrue(File.Exists(Path.Combine(_folder, "model.onnx")));
        Assert.IsEmpty(Directory.GetDirectories(_folder));
    }

    /// <summary>The new graph would otherwise be read with the classes of the old one.</summary>
    [TestMethod]
    public void Fit_AnotherModelSavedSinceTheEstimatorWasMade_IsRefused()
    {
        var (first, second) = (TinyText.KeyedRows(_mlContext, 12, "good", "bad"), TinyText.KeyedRows(_mlContext, 12, "bad", "good"));
        using var trained = TinyText.Trainer(_mlContext).Fit(first);
        using var other = TinyText.Trainer(_mlContext).Fit(second);
        trained.Model.SaveOnnx(_folder);
        var estimator = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text");
        estimator.Fit(first).Dispose();

        other.Model.SaveOnnx(_folder);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => estimator.Fit(first)).Message, "Another model was saved");
        _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(first).Dispose();
    }

    [TestMethod]
    public void Fit_NamedColumns_AreReadAndAdded()
    {
        var data = TinyText.KeyedRows(_mlContext, 12);
        using (var trained = TinyText.Trainer(_mlContext, options => options.Sentence2ColumnName = "Pair").Fit(data))
        {
            trained.Model.SaveOnnx(_folder);
        }

        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text", "Pair", "Class", "Probability", new OnnxScoringOptions { ThreadCount = 1 }).Fit(data);

        CollectionAssert.IsSubsetOf(new[] { "Class", "Probability" }, applied.GetOutputSchema(data.Schema).Select(column => column.Name).ToArray());
    }

    [TestMethod]
    public void Fit_ModelOfPairsAndNoColumnNamed_ReadsBothTexts()
    {
        var data = _mlContext.Transforms.CopyColumns("Sentence1", "Text").Append(_mlContext.Transforms.CopyColumns("Sentence2", "Pair"))
            .Fit(TinyText.KeyedRows(_mlContext, 12)).Transform(TinyText.KeyedRows(_mlContext, 12));
        using var trained = TinyText.Trainer(_mlContext, options => (options.Sentence1ColumnName, options.Sentence2ColumnName) = ("Sentence1", "Sentence2")).Fit(data);
        trained.Model.SaveOnnx(_folder);

        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder).Fit(data);

        SaveForServingTests.AssertNear(ColumnText.Numbers(trained.Transform(data), "Score"), ColumnText.Numbers(applied.Transform(data), "Score"));
        StringAssert.Contains(File.ReadAllText(Path.Combine(_folder, "README.md")), "Sentence2 = ");
        var alone = Assert.Throws<ArgumentOutOfRangeException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(TinyText.KeyedRows(_mlContext, 4)));
        StringAssert.Contains(alone.Message, "Sentence2");
    }

    [TestMethod]
    public void Save_FolderThatWasChanged_IsRefused()
    {
        var data = TinyText.KeyedRows(_mlContext, 12);
        using (var trained = TinyText.Trainer(_mlContext).Fit(data))
        {
            trained.Model.SaveOnnx(_folder);
        }

        using var applied = _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, "Text").Fit(data);
        File.AppendAllText(Path.Combine(_folder, "model.onnx"), "more");

        var error = Assert.ThrowsExactly<IOException>(() => _mlContext.Model.Save(applied, data.Schema, new MemoryStream()));

        StringAssert.Contains(error.Message, "was changed since the model was loaded from it");
    }

    [TestMethod]
    public void Apply_OutputNamedLikeAnInput_IsRefused()
    {
        using (var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 4)))
        {
            trained.Model.SaveOnnx(_folder);
        }

        Assert.Throws<ArgumentException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, inputColumnName: "Text", scoreColumnName: "Text"));
    }

    private NaturalGradientOnnxEstimator Apply(string task)
    {
        var (first, second) = task switch
        {
            "pair" or "similarity" => ("Text", "Pair"),
            "answer" => ("Question", "Text"),
            "picture" => ("ImagePath", null),
            _ => ("Text", default(string)),
        };
        return _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder, first, second);
    }

    private void Export(object trained)
    {
        FineTunedModel model = trained switch
        {
            TextClassificationTransformer one => one.Model,
            TextRegressionTransformer number => number.Model,
            SentenceSimilarityTransformer similarity => similarity.Model,
            MultiLabelClassificationTransformer classes => classes.Model,
            NamedEntityRecognitionTransformer tags => tags.Model,
            QuestionAnswerTransformer answers => answers.Model,
            _ => ((ImageClassificationTransformer)trained).Model,
        };
        model.SaveOnnx(_folder);
    }
}
