namespace Microsoft.ML.NaturalGradient.Tests.Classification;

[TestClass]
public sealed class TextClassificationTrainerTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    public void TextClassification_NamedArguments_KeepMlNetsNamesAndDefaults()
    {
        var parameters = typeof(NaturalGradientCatalog).GetMethods()
            .Single(method => method.Name == "TextClassification" && method.GetParameters().Length > 2).GetParameters()
            .Select(parameter => $"{parameter.Name}={(parameter.HasDefaultValue ? parameter.DefaultValue ?? "null" : "required")}");

        var text = string.Join(' ', parameters);

        Assert.AreEqual(
            "catalog=required optimizer=required labelColumnName=Label scoreColumnName=Score outputColumnName=PredictedLabel sentence1ColumnName=Sentence1 "
            + "sentence2ColumnName=null batchSize=32 maxEpochs=10 model=null validationSet=null adapter=null", text);
    }

    [TestMethod]
    public void GetOutputSchema_TextLabel_AddsPredictedLabelThenScore()
    {
        var data = TinyText.KeyedRows(_mlContext, 4);

        var shape = TinyText.Trainer(_mlContext).GetOutputSchema(SchemaShape.Create(data.Schema));

        CollectionAssert.AreEqual(
            new[] { "Id", "Label", "Text", "Pair", "PredictedLabel", "Score" },
            shape.Select(column => column.Name).Where(name => !name.StartsWith("__", StringComparison.Ordinal)).ToArray());
        Assert.IsTrue(shape.TryFindColumn("PredictedLabel", out var predicted));
        Assert.IsTrue(predicted.IsKey);
        Assert.IsTrue(predicted.Annotations.TryFindColumn("KeyValues", out _));
        Assert.IsTrue(shape.TryFindColumn("Score", out var score));
        Assert.AreEqual(SchemaShape.Column.VectorKind.Vector, score.Kind);
        Assert.IsTrue(score.Annotations.TryFindColumn("SlotNames", out _));
    }

    [TestMethod]
    public void GetOutputSchema_AgreesWithTheTransformersSchema()
    {
        var data = TinyText.KeyedRows(_mlContext, 8);
        var trainer = TinyText.Trainer(_mlContext);

        var promised = trainer.GetOutputSchema(SchemaShape.Create(data.Schema));
        using var model = trainer.Fit(data);
        var actual = SchemaShape.Create(model.GetOutputSchema(data.Schema));

        foreach (var column in promised)
        {
            Assert.IsTrue(actual.TryFindColumn(column.Name, out var real));
            Assert.IsTrue(real.IsCompatibleWith(column), $"{column.Name}: promised {column.GetTypeString()}, is {real.GetTypeString()}");
        }
    }

    [TestMethod]
    [DataRow("Id", DisplayName = "numbers")]
    [DataRow("Hash", DisplayName = "keys without values")]
    public void GetOutputSchema_LabelIsNoText_AgreesInBothDirections(string label)
    {
        var rows = TinyText.View(_mlContext, TinyText.Rows(8));
        IEstimator<ITransformer> keys = label == "Hash"
            ? _mlContext.Transforms.Conversion.Hash("Label", numberOfBits: 4)
            : _mlContext.Transforms.Conversion.MapValueToKey("Label", label);
        var wrong = _mlContext.Transforms.DropColumns("Text").Fit(rows).Transform(rows);

        EstimatorContract.Check(_mlContext, TinyText.Trainer(_mlContext), keys.Fit(rows).Transform(rows), wrong, "PredictedLabel", "Score");
    }

    [TestMethod]
    public void Fit_LabelNotAKey_NamesMapValueToKey() =>
        AssertSchemaError(TinyText.View(_mlContext, TinyText.Rows(4)), "MapValueToKey");

    [TestMethod]
    public void Fit_NoSuchLabel_NamesItAndWhatThereIs() =>
        AssertSchemaError(TinyText.KeyedRows(_mlContext, 4), "Could not find label column 'Class': the data has 'Id', 'Label', 'Text', 'Pair'.", options => options.LabelColumnName = "Class");

    [TestMethod]
    public void Fit_NoSuchText_NamesItAndWhatThereIs() =>
        AssertSchemaError(TinyText.KeyedRows(_mlContext, 4), "Could not find text column 'Sentence1': the data has 'Id', 'Label', 'Text', 'Pair'.", options => options.Sentence1ColumnName = "Sentence1");

    [TestMethod]
    public void Fit_TextIsANumber_SaysSo() =>
        AssertSchemaError(TinyText.KeyedRows(_mlContext, 4), "'Id'", options => options.Sentence1ColumnName = "Id");

    [TestMethod]
    public void Fit_NoSuchSecondText_NamesIt() =>
        AssertSchemaError(TinyText.KeyedRows(_mlContext, 4), "'Other'", options => options.Sentence2ColumnName = "Other");

    [TestMethod]
    public void Fit_OneClass_SaysHowMany()
    {
        var data = TinyText.KeyedRows(_mlContext, 4, "good");

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TinyText.Trainer(_mlContext).Fit(data));

        StringAssert.Contains(error.Message, "'Label' has 1 class");
    }

    [TestMethod]
    public void Fit_NoRows_SaysSo()
    {
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(4)));
        var data = keys.Transform(TinyText.View(_mlContext, []));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TinyText.Trainer(_mlContext).Fit(data));

        StringAssert.Contains(error.Message, "training data are empty");
    }

    [TestMethod]
    public void Fit_AllLabelsMissing_SaysSo()
    {
        var keys = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(4)));
        var rows = TinyText.Rows(4, "neutral");
        var data = keys.Transform(TinyText.View(_mlContext, rows));

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => TinyText.Trainer(_mlContext).Fit(data));

        StringAssert.Contains(error.Message, "All 4 training rows have a missing label");
    }

    [TestMethod]
    public void Fit_ValidationSetWithOtherKeys_SaysSo()
    {
        var other = TinyText.KeyedRows(_mlContext, 4, "bad", "good");
        var data = TinyText.KeyedRows(_mlContext, 4, "good", "bad");

        var error = Assert.ThrowsExactly<InvalidOperationException>(
            () => TinyText.Trainer(_mlContext, options => options.ValidationSet = other).Fit(data));

        StringAssert.Contains(error.Message, "same fitted MapValueToKey");
    }

    [TestMethod]
    public void Fit_MoreTokensThanTheModelReads_SaysHowMany()
    {
        var trainer = TinyText.Trainer(_mlContext, options => options.MaxSequenceLength = 21);

        var error = Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 4)));

        StringAssert.Contains(error.Message, "at most 20 tokens");
    }

    [TestMethod]
    public void Fit_FolderWithoutModel_FailsBeforeReadingRows()
    {
        var read = 0;
        var rows = TinyText.Rows(4).Select(row =>
        {
            read++;
            return row;
        });
        var data = _mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(TinyText.View(_mlContext, TinyText.Rows(4)))
            .Transform(TinyText.View(_mlContext, rows));
        var trainer = TinyText.Trainer(_mlContext, options => options.Model = PretrainedModel.FromFolder("no-such-folder"));

        Assert.ThrowsExactly<DirectoryNotFoundException>(() => trainer.Fit(data));

        Assert.AreEqual(0, read);
    }

    [TestMethod]
    public void Fit_UnknownTargetModule_ListsTheLayers()
    {
        var trainer = TinyText.Trainer(_mlContext, options => options.Adapter = Adapters.LoRA with { TargetModules = ["q_proj"] });

        var error = Assert.ThrowsExactly<ArgumentException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 4)));

        StringAssert.Contains(error.Message, "attention.self.query");
    }

    [TestMethod]
    public void Fit_GpuNotThereAndNoFallback_SaysWhatToDo()
    {
        if (TorchSharp.torch.cuda.is_available())
        {
            Assert.Inconclusive("This machine has a CUDA device.");
        }

        var trainer = TinyText.Trainer(_mlContext);
        _mlContext.GpuDeviceId = 0; // after the trainer was made: it counts when Fit is called

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => trainer.Fit(TinyText.KeyedRows(_mlContext, 4)));

        StringAssert.Contains(error.Message, "FallbackToCpu");
    }

    [TestMethod]
    public void Fit_GpuNotThereButFallback_TrainsOnTheCpuAndWarns()
    {
        if (TorchSharp.torch.cuda.is_available())
        {
            Assert.Inconclusive("This machine has a CUDA device.");
        }

        var warnings = new List<string>();
        _mlContext.Log += (_, message) =>
        {
            if (message.Kind == Runtime.ChannelMessageKind.Warning)
            {
                warnings.Add(message.Message);
            }
        };
        _mlContext.GpuDeviceId = 0;
        _mlContext.FallbackToCpu = true;

        using var model = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8));

        Assert.HasCount(1, warnings);
        StringAssert.Contains(warnings[0], "The CPU is used");
    }

    [TestMethod]
    [DataRow("BatchSize")]
    [DataRow("MaxEpoch")]
    [DataRow("ValidationSetFraction")]
    [DataRow("MaxSequenceLength")]
    [DataRow("LearningRate")]
    [DataRow("Damping")]
    [DataRow("Rank")]
    [DataRow("Patience")]
    [DataRow("MinValidationRows")]
    public void Create_SettingOutOfRange_NamesIt(string setting)
    {
        Action<TextClassificationTrainer.Options> change = setting switch
        {
            "BatchSize" => options => options.BatchSize = 0,
            "MaxEpoch" => options => options.MaxEpoch = 0,
            "ValidationSetFraction" => options => options.ValidationSetFraction = 1,
            "MaxSequenceLength" => options => options.MaxSequenceLength = 7,
            "LearningRate" => options => options.Optimizer = Optimizers.AdamW with { LearningRate = -1 },
            "Damping" => options => options.Optimizer = Optimizers.Ief with { Damping = -1e-3 },
            "Rank" => options => options.Adapter = Adapters.LoRA with { Rank = 0 },
            "Patience" => options => options.EarlyStopping = new EarlyStopping { Patience = 0 },
            _ => options => options.EarlyStopping = new EarlyStopping { MinValidationRows = 0 },
        };

        var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => TinyText.Trainer(_mlContext, change));

        StringAssert.Contains(error.Message, setting);
    }

    [TestMethod]
    public void Create_ValidationSetAndFraction_Refuses()
    {
        var set = TinyText.KeyedRows(_mlContext, 4);

        Assert.ThrowsExactly<ArgumentException>(() => TinyText.Trainer(_mlContext, options =>
        {
            options.ValidationSet = set;
            options.ValidationSetFraction = 0.5;
        }));
    }

    [TestMethod]
    public void Create_EarlyStoppingWithoutValidation_Refuses() =>
        Assert.ThrowsExactly<ArgumentException>(() => TinyText.Trainer(_mlContext, options => options.EarlyStopping = new EarlyStopping()));

    [TestMethod]
    public void Create_OptionsChangedAfterwards_KeepsItsCopy()
    {
        var options = TinyText.Options();
        var trainer = _mlContext.MulticlassClassification.Trainers.TextClassification(options);
        options.LabelColumnName = "Other";

        var shape = trainer.GetOutputSchema(SchemaShape.Create(TinyText.KeyedRows(_mlContext, 4).Schema));

        Assert.IsTrue(shape.TryFindColumn("Score", out _));
    }

    private void AssertSchemaError(IDataView data, string expected, Action<TextClassificationTrainer.Options>? change = null)
    {
        var trainer = TinyText.Trainer(_mlContext, change);

        var ofShape = Assert.Throws<ArgumentOutOfRangeException>(() => trainer.GetOutputSchema(SchemaShape.Create(data.Schema)));
        var ofFit = Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(data));

        StringAssert.Contains(ofShape.Message, expected);
        StringAssert.Contains(ofFit.Message, expected);
    }
}
