using Microsoft.ML.Data;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tokenization;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Graphs that ML.NET's own converter writes of pipelines with our transformers.</summary>
[TestClass]
public sealed class ConvertToOnnxTests
{
    private readonly MLContext _mlContext = new(seed: 1);

    [TestMethod]
    [DataRow("class")] // unknown where no class is likely
    [DataRow("pair")] // calibrated, with token types
    [DataRow("t5")]
    [DataRow("number")]
    [DataRow("similarity")]
    public void ConvertToOnnx_Texts_GivesTheColumnsOfTheTransformer(string task)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);

        var expected = ((ITransformer)trained).Transform(data);
        using var session = Convert((ITransformer)trained, data);

        var texts = data.GetColumn<string>("Text").ToArray();
        var pairs = task is "pair" or "similarity" ? data.GetColumn<string>("Pair").ToArray() : null;
        var actual = Run(session, Encoded(trained, texts, pairs), out _);
        AssertScores(expected, actual["Score.output"]);
        Assert.AreEqual(expected.Schema.GetColumnOrNull("PredictedLabel") is not null, actual.TryGetValue("PredictedLabel.output", out var keys));
        if (keys is not null)
        {
            Assert.AreEqual(task == "class", keys.Contains(0), "Only the first has a threshold, which some rows miss.");
            CollectionAssert.AreEqual(expected.GetColumn<uint>("PredictedLabel").Select(key => (float)key).ToArray(), keys);
        }
    }

    [TestMethod]
    public void ConvertToOnnx_PicturesByPath_GivesTheColumnsOfTheTransformer()
    {
        var data = ServingTasks.Rows(_mlContext, "picture");
        using var trained = (ImageClassificationTransformer)ServingTasks.Train(_mlContext, "picture");
        var expected = trained.Transform(data);

        using var session = Convert(trained, data);

        var predictor = trained.Model.Scorer.Predictor;
        RgbImage[] pictures = [.. data.GetColumn<string>("ImagePath").Select(path => ImageSource.FromFile(path.AsMemory(), 0).Read(predictor.Preprocessor.Prepare, predictor.Reading.MaxPixels))];
        var pixels = OrtValue.CreateTensorValueFromMemory(
            predictor.Preprocessor.Normalize(pictures), [pictures.Length, RgbImage.Channels, predictor.Preprocessor.Height, predictor.Preprocessor.Width]);
        var actual = Run(session, pictures.Length, new() { ["pixel_values"] = pixels }, out _);
        AssertScores(expected, actual["Score.output"]);
    }

    [TestMethod]
    public void ConvertToOnnx_PipelineWithKeys_GivesTheNamesOfTheClasses()
    {
        var data = TinyText.View(_mlContext, TinyText.Rows(24));
        using var trained = _mlContext.Transforms.Conversion.MapValueToKey("Label").Append(TinyText.Trainer(_mlContext))
            .Append(_mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);

        var expected = trained.Transform(data);
        using var session = Convert(trained, data);

        var actual = Run(session, Encoded(trained.OfType<TextClassificationTransformer>().Single(), [.. data.GetColumn<string>("Text")], null), out var texts);
        AssertScores(expected, actual["Score.output"]);
        CollectionAssert.AreEqual(expected.GetColumn<string>("PredictedLabel").ToArray(), texts["PredictedLabel.output"]);
    }

    [TestMethod]
    [DataRow("tags")]
    [DataRow("answer")]
    [DataRow("classes")]
    public void ConvertToOnnx_ColumnsWithoutAFixedLength_IsRefusedWithAdvice(string task)
    {
        var data = ServingTasks.Rows(_mlContext, task);
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, task);

        var error = Assert.ThrowsExactly<NotSupportedException>(() => Convert((ITransformer)trained, data));

        StringAssert.Contains(error.Message, "SaveForServing");
    }

    [TestMethod]
    public void ConvertToOnnx_OldOperators_IsRefused()
    {
        var data = ServingTasks.Rows(_mlContext, "class");
        using var trained = (IDisposable)ServingTasks.Train(_mlContext, "class");

        var error = Assert.Throws<ArgumentException>(() => _mlContext.Model.ConvertToOnnx((ITransformer)trained, data, 11, Stream.Null));

        StringAssert.Contains(error.Message, "12");
    }

    [TestMethod]
    public void ConvertToOnnx_DisposedModel_IsRefused()
    {
        var data = ServingTasks.Rows(_mlContext, "class");
        var trained = ServingTasks.Train(_mlContext, "class");
        ((IDisposable)trained).Dispose();

        Assert.ThrowsExactly<ObjectDisposedException>(() => Convert(trained, data));
    }

    private InferenceSession Convert(ITransformer transformer, IDataView data)
    {
        using var stream = new MemoryStream();
        _mlContext.Model.ConvertToOnnx(transformer, data, stream);
        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        return new InferenceSession(stream.ToArray(), options);
    }

    private static PaddedTokens Encoded(object transformer, IReadOnlyList<string> texts, string[]? pairs)
    {
        var scorer = transformer switch
        {
            TextClassificationTransformer classes => classes.Model.Scorer,
            TextRegressionTransformer numbers => numbers.Model.Scorer,
            _ => ((SentenceSimilarityTransformer)transformer).Model.Scorer,
        };
        var encoding = scorer.Predictor.Encoding;
        return new PaddedTokens([.. texts.Select((text, row) => encoding.Tokenizer.Encode(text, pairs?[row], encoding.MaxTokens))], encoding.Tokenizer.PadId);
    }

    private static Dictionary<string, float[]> Run(InferenceSession session, PaddedTokens tokens, out Dictionary<string, string[]> texts) => Run(
        session, tokens.Rows,
        new() { ["input_ids"] = Tokens(tokens, tokens.Ids), ["attention_mask"] = Tokens(tokens, tokens.Mask), ["token_type_ids"] = Tokens(tokens, tokens.TypeIds) }, out texts);

    private static Dictionary<string, float[]> Run(InferenceSession session, int rows, Dictionary<string, OrtValue> own, out Dictionary<string, string[]> texts)
    {
        var inputs = session.InputMetadata.ToDictionary(input => input.Key, input => own.TryGetValue(input.Key, out var value) ? value : Column(input.Value.ElementDataType, rows));
        using var options = new RunOptions();
        string[] names = [.. session.OutputNames.Where(name => name is "Score.output" or "PredictedLabel.output")];
        using var results = session.Run(options, inputs, names);
        texts = [];
        var numbers = new Dictionary<string, float[]>();
        for (var i = 0; i < names.Length; i++)
        {
            var info = results[i].GetTensorTypeAndShape();
            Assert.AreEqual(rows, info.Shape[0]);
            if (info.ElementDataType == TensorElementType.String)
            {
                texts[names[i]] = results[i].GetStringTensorAsArray();
            }
            else
            {
                numbers[names[i]] = info.ElementDataType == TensorElementType.UInt32
                    ? [.. results[i].GetTensorDataAsSpan<uint>().ToArray().Select(key => (float)key)] : results[i].GetTensorDataAsSpan<float>().ToArray();
            }
        }

        foreach (var input in inputs.Values.Union(own.Values))
        {
            input.Dispose();
        }

        return numbers;
    }

    private static OrtValue Tokens(PaddedTokens tokens, long[] values) => OrtValue.CreateTensorValueFromMemory(values, [tokens.Rows, tokens.Width]);

    // The converter makes an input of every column of the data that the first step reads; a prediction may not depend on them.
    private static OrtValue Column(TensorElementType type, int rows)
    {
        if (type != TensorElementType.String)
        {
            return OrtValue.CreateTensorValueFromMemory(new float[rows], [rows, 1]);
        }

        var value = OrtValue.CreateTensorWithEmptyStrings(OrtAllocator.DefaultInstance, [rows, 1]);
        for (var row = 0; row < rows; row++)
        {
            value.StringTensorSetElementAt("some text", row);
        }

        return value;
    }

    private static void AssertScores(IDataView expected, float[] actual)
    {
        var rows = ColumnText.Numbers(expected, "Score").SelectMany(row => row).ToArray();
        Assert.HasCount(rows.Length, actual);
        foreach (var (first, second) in rows.Zip(actual))
        {
            Fixture.AssertLess(1e-5 * Math.Max(1, Math.Abs(first)), Math.Abs(first - second));
        }
    }
}
