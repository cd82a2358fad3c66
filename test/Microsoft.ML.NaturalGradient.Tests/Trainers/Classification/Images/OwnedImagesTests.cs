using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Pictures in memory stay their owner's: nothing that reads them disposes them.</summary>
[TestClass]
public sealed class OwnedImagesTests
{
    private static readonly MLContext Context = new(seed: 1);

    [TestMethod]
    public void FitEvaluateAndPredict_CallersPictures_AreUsableAfterwards()
    {
        Row[] rows = [.. TinyImages.Rows().Select(row => new Row { Image = MLImage.CreateFromFile(row.ImagePath), Label = row.Label })];
        var data = Context.Data.LoadFromEnumerable(rows);
        using var model = Pipeline().Fit(data);

        var first = Context.MulticlassClassification.Evaluate(model.Transform(data)).LogLoss;
        var second = Context.MulticlassClassification.Evaluate(model.Transform(data)).LogLoss;
        using (var engine = Context.Model.CreatePredictionEngine<Row, Prediction>(model, new PredictionEngineOptions { OwnsTransformer = false }))
        {
            CollectionAssert.AreEqual(engine.Predict(rows[0]).Score, engine.Predict(rows[0]).Score);
        }

        Assert.AreEqual(first, second, 1e-6);
        foreach (var row in rows)
        {
            Assert.IsGreaterThan(0, row.Image!.Height); // throws of a disposed picture
            row.Image.Dispose();
        }
    }

    // What reading relies on, so that pictures that ML.NET makes anew for each row do not pile up.
    [TestMethod]
    public void GetGetter_OfLoadImages_DisposesThePictureItIsGivenBack()
    {
        var files = Context.Data.LoadFromEnumerable(TinyImages.Rows());
        var loaded = Context.Transforms.LoadImages("Image", null, "ImagePath").Fit(files).Transform(files);
        using var cursor = loaded.GetRowCursor([loaded.Schema["Image"]]);
        var getter = cursor.GetGetter<MLImage>(loaded.Schema["Image"]);
        MLImage image = null!;
        cursor.MoveNext();
        getter(ref image);
        var first = image;

        cursor.MoveNext();
        getter(ref image);

        Assert.AreNotSame(first, image);
        Assert.ThrowsExactly<InvalidOperationException>(() => first.Width);
        image.Dispose();
    }

    private static EstimatorChain<ImageClassificationTransformer> Pipeline() =>
        Context.Transforms.Conversion.MapValueToKey("Label").Append(TinyImages.Trainer(Context, options =>
        {
            options.FeatureColumnName = "Image";
            options.Epoch = 1;
        }));

    private sealed class Row
    {
        [ImageType(24, 24)]
        public MLImage? Image { get; set; }

        public string Label { get; set; } = "";
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
