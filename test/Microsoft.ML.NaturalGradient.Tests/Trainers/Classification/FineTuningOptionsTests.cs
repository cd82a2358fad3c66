using System.ComponentModel.DataAnnotations;
using System.Reflection;
using System.Xml.Linq;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>A setting is declared once, with documentation and range, and every trainer has it. All trainers are found, so that a new one is checked too.</summary>
[TestClass]
public sealed class FineTuningOptionsTests
{
    private static readonly XDocument Documentation = XDocument.Load(Path.ChangeExtension(typeof(FineTuningOptions).Assembly.Location, ".xml"));

    /// <summary>Settings of every trainer.</summary>
    public static IEnumerable<object[]> All => typeof(FineTuningOptions).Assembly.GetTypes()
        .Where(type => !type.IsAbstract && type.BaseType is { IsGenericType: true } parent && parent.GetGenericTypeDefinition() == typeof(FineTuningTrainer<,>))
        .Select(trainer => new object[] { trainer.GetNestedType("Options")! });

    [TestMethod]
    public void Trainers_OfTheLibrary_AreFound() => CollectionAssert.IsSubsetOf(
        new[] { typeof(TextClassificationTrainer.Options), typeof(SentenceSimilarityTrainer.Options), typeof(ImageClassificationTrainer.Options) },
        All.Select(row => row[0]).ToArray());

    [TestMethod]
    [DynamicData(nameof(All))]
    public void SharedSettings_OfEveryTrainer_AreThatOneDeclaration(Type options)
    {
        var shared = typeof(FineTuningOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly);

        Assert.IsGreaterThan(15, shared.Length);
        foreach (var setting in shared)
        {
            var found = options.GetProperties().Where(property => property.Name == setting.Name).ToArray();

            Assert.HasCount(1, found, setting.Name); // not declared again
            Assert.AreEqual(typeof(FineTuningOptions), found[0].DeclaringType);
            Assert.IsTrue(found[0].CanRead && found[0].SetMethod is { IsPublic: true }, setting.Name);
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Settings_OfEveryTrainer_AreDocumented(Type options)
    {
        foreach (var setting in options.GetProperties())
        {
            var id = $"P:{setting.DeclaringType!.FullName!.Replace('+', '.')}.{setting.Name}";

            var summary = Documentation.Descendants("member").SingleOrDefault(member => member.Attribute("name")!.Value == id)?.Element("summary")?.Value;

            Assert.IsGreaterThan(20, summary?.Trim().Length ?? 0, id);
            Assert.IsTrue(setting.PropertyType == typeof(CancellationToken) || summary!.Contains("default", StringComparison.Ordinal), $"{id} says no default.");
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Create_NumberOutOfRange_IsRefusedByName(Type options)
    {
        var refused = 0;
        foreach (var setting in options.GetProperties())
        {
            foreach (var value in Illegal(Nullable.GetUnderlyingType(setting.PropertyType) ?? setting.PropertyType))
            {
                var error = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Create(options, setting, value), $"{setting.Name} = {value}");

                Assert.AreEqual(setting.Name, error.ParamName);
                StringAssert.StartsWith(error.Message, FormattableString.Invariant($"{setting.Name} is {value}. Use "));
                refused++;
            }
        }

        Assert.IsGreaterThan(6, refused);
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Create_NothingWhereSomethingIsNeeded_IsRefusedByName(Type options)
    {
        var nullability = new NullabilityInfoContext();
        var needed = options.GetProperties().Where(setting => nullability.Create(setting) is { ReadState: NullabilityState.NotNull } && !setting.PropertyType.IsValueType).ToArray();

        Assert.IsGreaterThan(5, needed.Length);
        foreach (var setting in needed)
        {
            var error = Assert.ThrowsExactly<ArgumentNullException>(() => Create(options, setting, null), setting.Name);
            Assert.AreEqual(setting.Name, error.ParamName);
        }

        foreach (var setting in options.GetProperties().Where(setting => setting.PropertyType == typeof(string)))
        {
            var error = Assert.ThrowsExactly<ArgumentException>(() => Create(options, setting, " "), setting.Name);
            Assert.AreEqual(setting.Name, error.ParamName);
        }
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Create_EndsOfARange_AreAllowed(Type options)
    {
        foreach (var setting in options.GetProperties())
        {
            if (setting.GetCustomAttribute<RangeAttribute>() is { } range && setting.Name != nameof(FineTuningOptions.ValidationSetFraction))
            {
                var type = Nullable.GetUnderlyingType(setting.PropertyType) ?? setting.PropertyType;

                Assert.IsNotNull(Create(options, setting, Convert.ChangeType(range.Minimum, type, System.Globalization.CultureInfo.InvariantCulture)));
            }
        }
    }

    [TestMethod]
    public void Defaults_OfEveryTrainer_AreWhatTheyWere()
    {
        var (texts, numbers, pictures) = (new TextClassificationTrainer.Options(), new SentenceSimilarityTrainer.Options(), new ImageClassificationTrainer.Options());

        foreach (var options in new FineTuningOptions[] { texts, numbers, pictures })
        {
            Assert.AreEqual(
                ("Label", "Score", 32, Optimizers.Ief, Adapters.LoRA, true, null, true, true),
                (options.LabelColumnName, options.ScoreColumnName, options.BatchSize, options.Optimizer, options.Adapter, options.RecoverFromDivergence, options.CheckpointFolder,
                    options.Resume, options.SaveBaseModel));
            Assert.AreEqual(TimeSpan.FromMinutes(5), options.CheckpointEvery.Time);
            Assert.IsNull(options.TimeBudget);
        }

        foreach (var options in new TextTrainerOptions[] { texts, numbers })
        {
            Assert.AreEqual((10, 0, null, PretrainedModel.DefaultForTexts, null), (options.MaxEpoch, options.ValidationSetFraction, options.EarlyStopping, options.Model, options.MaxSequenceLength));
        }

        Assert.AreEqual((null, "Sentence2", "PredictedLabel"), (texts.Sentence2ColumnName, numbers.Sentence2ColumnName, texts.PredictionColumnName));
        Assert.AreEqual(
            (10, 0.1, new EarlyStopping(), PretrainedModel.ViTSmall, "Features", "PredictedLabel"),
            (pictures.Epoch, pictures.ValidationSetFraction, pictures.EarlyStoppingCriteria, pictures.Model, pictures.FeatureColumnName, pictures.PredictedLabelColumnName));
        Assert.AreEqual(
            (null, null, UnreadableImages.Skip, 100_000_000L, 1L << 30),
            (pictures.ImageSize, pictures.Augmentation, pictures.UnreadableImages, pictures.MaxPixels, pictures.CacheMemoryLimit));
    }

    // What no setting of the type may be, whatever its range is.
    private static object[] Illegal(Type type) =>
        type == typeof(int) ? [-1, int.MinValue]
        : type == typeof(long) ? [-1L, long.MinValue]
        : type == typeof(double) ? [-0.25, double.NaN, double.PositiveInfinity]
        : type == typeof(TimeSpan) ? [TimeSpan.Zero, TimeSpan.FromTicks(-1), Timeout.InfiniteTimeSpan]
        : type.IsEnum ? [Enum.ToObject(type, 99)]
        : [];

    // Through the catalog, as a user does.
    private static object? Create(Type type, PropertyInfo setting, object? value)
    {
        var options = Activator.CreateInstance(type)!;
        setting.SetValue(options, value);
        var mlContext = new MLContext();
        object[] catalogs = [mlContext.MulticlassClassification.Trainers, mlContext.Regression.Trainers];
        var method = typeof(NaturalGradientCatalog).GetMethods().Single(method => method.GetParameters() is [_, var second] && second.ParameterType == type);
        var catalog = catalogs.Single(method.GetParameters()[0].ParameterType.IsInstanceOfType);
        return method.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [catalog, options], null);
    }
}
