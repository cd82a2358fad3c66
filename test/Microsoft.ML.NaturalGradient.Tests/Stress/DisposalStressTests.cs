using Microsoft.ML.NaturalGradient.Tests.Classification;

namespace Microsoft.ML.NaturalGradient.Tests.Stress;

/// <summary>Models disposed while other threads use them: each call gives what it should or says that the model is disposed.</summary>
[TestClass]
public sealed class DisposalStressTests
{
    private const int Rounds = 5;

    private readonly MLContext _mlContext = new(seed: 1);
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("bert")]
    [DataRow("t5")]
    public void Dispose_WhileTextsAreScored_EndsCallsNormallyOrSaysSo(string kind)
    {
        var data = TinyText.KeyedRows(_mlContext, 40);
        using var trained = TinyText.Trainer(_mlContext, options =>
        {
            options.Model = kind == "t5" ? TinyT5.Model : TinyText.Model;
            options.MaxEpoch = 1;
        }).Fit(data);
        string[] texts = ["the film was good", "a dull book, a bad song"];
        var (probabilities, scores) = (trained.Model.PredictProbabilities(texts), TinyText.Scores(trained, data));
        var first = trained.Model.PredictProbabilities(texts[..1]);

        Repeat(trained, data.Schema, nameof(TextClassificationModel), loaded =>
        {
            var model = (TextClassificationTransformer)loaded;
            var engine = Engine<TextRow>(model, ownsTransformer: false);
            return
            [
                () => StressRun.Same(probabilities, model.Model.PredictProbabilities(texts)),
                () => StressRun.Same(scores, TinyText.Scores(model, data)),
                () => StressRun.Same(first, [engine.Predict(new TextRow { Label = "good", Text = texts[0] }).Score]),
            ];
        });
    }

    [TestMethod]
    public void Dispose_WhilePicturesAreScored_EndsCallsNormallyOrSaysSo()
    {
        var data = TinyImages.KeyedRows(_mlContext);
        using var trained = TinyImages.Trainer(_mlContext, options => options.Epoch = 1).Fit(data);
        byte[][] files = [TinyImages.Png("above", 1), TinyImages.Png("below", 2)];
        var (probabilities, scores) = (trained.Model.PredictProbabilities(files), TinyImages.Scores(trained, data));

        Repeat(trained, data.Schema, nameof(ImageClassificationModel), loaded =>
        {
            var model = (ImageClassificationTransformer)loaded;
            return
            [
                () => StressRun.Same(probabilities, model.Model.PredictProbabilities(files)),
                () => StressRun.Same(scores, TinyImages.Scores(model, data)),
            ];
        });
    }

    [TestMethod]
    public void Dispose_WhileModelIsSavedAndMerged_EndsCallsNormallyOrSaysSo()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var trained = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(data);
        string[] texts = ["the film was good", "a dull book, a bad song"];
        var probabilities = trained.Model.PredictProbabilities(texts);

        Repeat(trained, data.Schema, nameof(TextClassificationModel), loaded =>
        {
            var model = (TextClassificationTransformer)loaded;
            return
            [
                () => model.Model.SavePretrained(Path.Combine(_folder, "pretrained")),
                () => model.Model.SavePeft(Path.Combine(_folder, "peft"), "base"),
                () => _mlContext.Model.Save(model, data.Schema, new MemoryStream()),
                () =>
                {
                    model.Model.MergeAdapter();
                    model.Model.UnmergeAdapter();
                },
                () => Assert.AreEqual(probabilities[0][0], model.Model.PredictProbabilities(texts)[0][0], 1e-5),
            ];
        });
    }

    [TestMethod]
    public void Dispose_ByOneOfThreeEngines_TellsTheOthersWhatToDo()
    {
        var data = TinyText.KeyedRows(_mlContext, 16);
        using var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(data);
        var row = new TextRow { Label = "good", Text = "the film was good" };
        var sharing = Enumerable.Range(0, 2).Select(_ => Engine<TextRow>(model, ownsTransformer: false)).ToArray();
        var owning = Engine<TextRow>(model, ownsTransformer: true);

        sharing[0].Dispose();
        Assert.AreEqual(owning.Predict(row).Score[0], sharing[1].Predict(row).Score[0]);
        owning.Dispose();
        var error = Assert.ThrowsExactly<ObjectDisposedException>(() => sharing[1].Predict(row));

        AssertSaysSo(error, nameof(TextClassificationModel));
    }

    [TestMethod]
    public void Dispose_BeforeLazyDataAreRead_TellsWhatToDo()
    {
        var data = TinyText.KeyedRows(_mlContext, 700);
        var model = TinyText.Trainer(_mlContext, options => options.MaxEpoch = 1).Fit(data);
        var scored = model.Transform(data);
        using var cursor = scored.GetRowCursor([scored.Schema["Score"]]);
        Assert.IsTrue(cursor.MoveNext()); // reads a few rows ahead

        model.Dispose();
        model.Dispose();
        var error = Assert.ThrowsExactly<ObjectDisposedException>(() =>
        {
            while (cursor.MoveNext())
            {
            }
        });

        AssertSaysSo(error, nameof(TextClassificationModel));
        AssertSaysSo(Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.MergeAdapter()), nameof(TextClassificationModel));
        AssertSaysSo(Assert.ThrowsExactly<ObjectDisposedException>(() => model.Model.SavePeft(_folder)), nameof(TextClassificationModel));
        Assert.IsEmpty(Directory.EnumerateFileSystemEntries(_folder));
    }

    private PredictionEngine<TRow, Prediction> Engine<TRow>(ITransformer model, bool ownsTransformer)
        where TRow : class =>
        _mlContext.Model.CreatePredictionEngine<TRow, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = ownsTransformer });

    private void Repeat(ITransformer trained, DataViewSchema schema, string name, Func<ITransformer, IReadOnlyList<Action>> calls)
    {
        using var stream = new MemoryStream();
        _mlContext.Model.Save(trained, schema, stream);
        for (var round = 0; round < Rounds; round++)
        {
            stream.Position = 0;
            var loaded = _mlContext.Model.Load(stream, out _);

            var (count, ends) = StressRun.DisposeWhileCalled((IDisposable)loaded, calls(loaded));

            Assert.IsGreaterThanOrEqualTo(ends.Count, count);
            foreach (var end in ends)
            {
                AssertSaysSo(end, name);
            }
        }
    }

    private static void AssertSaysSo(Exception error, string name)
    {
        Assert.IsInstanceOfType<ObjectDisposedException>(error, error.ToString());
        Assert.AreEqual(name, ((ObjectDisposedException)error).ObjectName);
        Assert.Contains("OwnsTransformer = false", error.Message);
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
