using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Serving;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using Microsoft.ML.NaturalGradient.Tokenization;
using SkiaSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Fuzzing;

/// <summary>All that reads files of others, each with a small file.</summary>
internal static class FuzzTargets
{
    private const int ManyReads = 550; // of what is read fast: ten thousand of all together

    private const string WordPieceJson =
        """
        { "version": "1.0", "added_tokens": [{ "id": 2, "content": "[CLS]", "special": true }, { "id": 3, "content": "[SEP]", "special": true }],
          "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true },
          "pre_tokenizer": { "type": "BertPreTokenizer" },
          "post_processor": { "type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2] },
          "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {} } }
        """;

    private const string UnigramJson =
        """
        { "version": "1.0", "added_tokens": [{ "id": 1, "content": "</s>", "special": true, "rstrip": true }, { "id": 0, "content": "<pad>", "special": true }],
          "normalizer": { "type": "Sequence", "normalizers": [{ "type": "NFKC" }, { "type": "Strip", "strip_left": true, "strip_right": true },
            { "type": "Replace", "pattern": { "Regex": " {2,}" }, "content": " " }, { "type": "Lowercase" }] },
          "pre_tokenizer": { "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": true },
          "post_processor": { "type": "TemplateProcessing", "single": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "</s>", "type_id": 0 } }],
            "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "SpecialToken": { "id": "</s>", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 0 } },
              { "SpecialToken": { "id": "</s>", "type_id": 0 } }], "special_tokens": { "</s>": { "id": "</s>", "ids": [1], "tokens": ["</s>"] } } },
          "model": { "type": "Unigram", "unk_id": 2, "byte_fallback": false, "vocab": [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["\u2581", -2.5], ["\u2581the", -3.1],
            ["\u2581good", -4.0], ["a", -5.5], ["o", -5.0], ["d", -5.2], ["\u2581f", -6.0], ["ilm", -7.25]] } }
        """;

    private static readonly string[] Samples = ["the film was good", "", "[CLS] a\u0301\u00DF \U0001F600 5,000 <s>", new string('a', 300), "bad  \t\n so-so"];

    /// <summary>Everything; made anew, which takes about two seconds.</summary>
    public static IReadOnlyList<FuzzTarget> Create() =>
    [
        .. new[] { "bert", "deberta-v2", "modernbert", "mpnet", "nas-bert", "t5", "vit", "dinov2" }.SelectMany(Network),
        .. Tokenizers(),
        InFiles("preprocessor_config.json", Encoder("vit", Preprocessor), files =>
            Prepare(ImagePreprocessor.Read(files, "ViTImageProcessor"))),
        InFiles("adapter_config.json", Adapter(), ReadAdapter, count: 200), InFiles("adapter_model.safetensors", Adapter(), ReadAdapter, count: 200),
        InFiles(SafetensorsIndex.FileName, Sharded(), files => Describe(files.OpenWeights())),
        .. new[] { SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Webp }.Select(Decoded),
        TorchSharpWeights(),
        OnnxGraph(),
        SavedModel(), ServedModel(),
    ];

    private static IEnumerable<FuzzTarget> Network(string name)
    {
        var files = Encoder(name);
        yield return InFiles(CheckpointFiles.ConfigName, files, Load, name, 150);
        yield return InFiles(CheckpointFiles.WeightsName, files, Load, name, 150);
    }

    // The weights, and where it is cheap what the network makes of a text.
    private static string Load(CheckpointFiles files)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = ModelConfig.Read(files);
        using var weights = files.OpenWeights();
        if (Architectures.Find(config.ModelType)?.Kind == ArchitectureKind.ImageEncoder)
        {
            using var pictures = ImageCheckpoint.Load(files).Encoder;
            return Sum(pictures.parameters());
        }

        using var network = Architectures.ForTexts(config).Load(config, weights).Network;
        if (network is not TextEncoder encoder || encoder.VocabularySize < 8 || encoder.MaxTokens < 4)
        {
            return Sum(network.parameters());
        }

        var ids = tensor(new long[,] { { 1, 2, 3, 4 }, { 5, 6, 7, 0 } });
        using var batch = new TokenBatch(ids, ids.NotEqualTo(0).to(ScalarType.Int64), zeros_like(ids), isPadded: true);
        return Sum([encoder.Pool(batch)]);
    }

    private static IEnumerable<FuzzTarget> Tokenizers()
    {
        var words = File.ReadAllBytes(Path.Combine(TinyText.Folder, "vocab.txt"));
        var settings = """{ "tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 64, "added_tokens_decoder": { "60": { "content": "<x>", "lstrip": true } } }"""u8.ToArray();
        var wordPiece = new Dictionary<string, byte[]>
        {
            ["vocab.txt"] = words,
            ["tokenizer_config.json"] = settings,
            ["special_tokens_map.json"] = """{ "unk_token": "[UNK]" }"""u8.ToArray(),
        };
        foreach (var name in wordPiece.Keys)
        {
            yield return InFiles(name, wordPiece, Encode);
        }

        var vocabulary = string.Join(", ", File.ReadAllLines(Path.Combine(TinyText.Folder, "vocab.txt")).Select((word, id) => $"\"{word}\": {id}"));
        var whole = Encoding.UTF8.GetBytes(WordPieceJson.Replace("{}", $"{{ {vocabulary} }}", StringComparison.Ordinal));
        yield return InFiles("tokenizer.json", new() { ["tokenizer.json"] = whole }, Encode, "wordpiece");
        yield return InFiles("tokenizer.json", new() { ["tokenizer.json"] = Encoding.UTF8.GetBytes(UnigramJson) }, Encode, "unigram");
        var pairs = new Dictionary<string, byte[]>
        {
            ["vocab.json"] = Fixture("tokenization", "bpe", "vocab.json"),
            ["merges.txt"] = Fixture("tokenization", "bpe", "merges.txt"),
            ["tokenizer_config.json"] = """{ "tokenizer_class": "RobertaTokenizer" }"""u8.ToArray(),
        };
        yield return InFiles("vocab.json", pairs, Encode, "bpe");
        yield return InFiles("merges.txt", pairs, Encode, "bpe");
        var ranked = new Dictionary<string, byte[]>
        {
            ["encoder.json"] = pairs["vocab.json"],
            ["vocab.bpe"] = pairs["merges.txt"],
            ["dict.txt"] = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(id => $"{(id * 7) % 300} {300 - id}\n")) + "madeupword0 0\n"),
            ["tokenizer_config.json"] = """{ "tokenizer_class": "NasBertTokenizer" }"""u8.ToArray(),
        };
        yield return InFiles("dict.txt", ranked, Encode);
        yield return InFiles("vocab.bpe", ranked, Encode);
        var pieces = new Dictionary<string, byte[]>
        {
            ["spiece.model"] = Fixture("tokenization", "unigram", "spiece.model"),
            ["tokenizer_config.json"] = """{ "tokenizer_class": "T5Tokenizer" }"""u8.ToArray(),
        };
        yield return InFiles("spiece.model", pieces, Encode);
    }

    private static FuzzTarget TorchSharpWeights()
    {
        using var network = nn.Sequential(("first", nn.Linear(3, 2)), ("second", nn.BatchNorm1d(2)), ("third", nn.Embedding(5, 3)));
        using var stream = new MemoryStream();
        _ = network.save(stream);
        return new FuzzTarget("weights of TorchSharp", stream.ToArray(), content =>
        {
            using var scope = NewDisposeScope();
            using var file = TorchSharpFile.FromMemory(content, "the fuzzed model");
            return $"{string.Join(' ', file.Names)} {Sum(file.Names.Select(name => file.Read(name, file.TypeOf(name))))}";
        }, ManyReads);
    }

    private static string Encode(CheckpointFiles files)
    {
        var tokenizer = TokenizerFactory.Create(files);
        return string.Join('|', Samples.Select(text => string.Join(',', tokenizer.Encode(text, Samples[0], 40).Ids)));
    }

    private static string ReadAdapter(CheckpointFiles files)
    {
        using var scope = NewDisposeScope();
        var adapter = PretrainedAdapter.Read(files);
        using var weights = files.OpenWeights();
        var encoder = EncoderWeights.Create(() => (TextEncoder)Architectures.Find("bert")!.Create(ModelConfig.Read(files)), weights);
        try
        {
            using var classifier = new TextClassifier(encoder, 3, adapter, seed: 1);
            return Sum(classifier.TrainableParameters.Select(named => named.Value));
        }
        finally
        {
            encoder.Dispose();
        }
    }

    private static FuzzTarget Decoded(SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(24, 18);
        var random = new Random(1);
        bitmap.Pixels = [.. Enumerable.Range(0, 24 * 18).Select(i => new SKColor((byte)(i * 10), (byte)random.Next(50), (byte)(i / 2)))];
        using var data = bitmap.Encode(format, 90);
        return new FuzzTarget($"picture ({format})", data.ToArray(), content =>
        {
            var picture = ImageDecoder.Decode(content, "The picture");
            return $"{picture.Width} {picture.Height} {Convert.ToHexString(SHA256.HashData(picture.Pixels))}";
        }, ManyReads);
    }

    private static FuzzTarget SavedModel()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.View(mlContext, TinyText.Rows(16));
        using var model = mlContext.Transforms.Conversion.MapValueToKey("Label").Append(TinyText.Trainer(mlContext, options => options.MaxEpoch = 1))
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(model, data.Schema, stream);
        var rows = TinyText.View(mlContext, TinyText.Rows(3));
        return new FuzzTarget("saved model", stream.ToArray(), content =>
        {
            var loaded = new MLContext().Model.Load(new MemoryStream(content), out _);
            using var owned = loaded as IDisposable;
            return string.Join(' ', TinyText.Scores(loaded, rows).SelectMany(row => row).Select(score => score.ToString("R", CultureInfo.InvariantCulture)));
        }, 600, IsSealed: true);
    }

    private static FuzzTarget ServedModel()
    {
        var mlContext = new MLContext(seed: 1);
        var data = TinyText.KeyedRows(mlContext, 16);
        using var model = TinyText.Trainer(mlContext, options => options.MaxEpoch = 1).Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.SaveForServing(model, data.Schema, stream);
        var rows = TinyText.View(mlContext, TinyText.Rows(3));
        return new FuzzTarget("model saved for serving", stream.ToArray(), content =>
        {
            var loaded = new MLContext().UseOnnxScoring(new OnnxScoringOptions { ThreadCount = 1 }).Model.Load(new MemoryStream(content), out _);
            using var owned = loaded as IDisposable;
            return string.Join(' ', TinyText.Scores(loaded, rows).SelectMany(row => row).Select(score => score.ToString("R", CultureInfo.InvariantCulture)));
        }, 200, IsSealed: true);
    }

    private static FuzzTarget OnnxGraph()
    {
        using var encoder = TextCheckpoint.Load(new FolderCheckpointFiles(TinyText.Folder)).Encoder;
        using var classifier = new TextClassifier(encoder, 3, Adapters.HeadOnly, seed: 1);
        var graph = new OnnxGraph(classifier, OnnxPrecision.Float32);
        using var noGrad = no_grad();
        graph.Output("logits", classifier.Emit(graph, null));
        return new FuzzTarget("ONNX graph", OnnxFile.ToBytes(graph, [new("task", "class")]), content =>
        {
            var facts = GraphFacts.Read(content);
            return $"{facts.Opset} {facts.VocabularySize} {string.Join(' ', facts.ExternalFiles)} {string.Join(' ', facts.Notes)}";
        }, ManyReads);
    }

    private static FuzzTarget InFiles(string name, Dictionary<string, byte[]> files, Func<CheckpointFiles, string> read, string? kind = null, int count = ManyReads) => new(
        kind is null ? name : $"{name} ({kind})", files[name], content =>
        {
            using var changed = new MemoryCheckpointFiles(new Dictionary<string, byte[]>(files) { [name] = content }, "the fuzzed model");
            return read(changed);
        }, count);

    private static Dictionary<string, byte[]> Encoder(string name, params ReadOnlySpan<(string Name, byte[] Content)> more)
    {
        var files = new[] { CheckpointFiles.ConfigName, CheckpointFiles.WeightsName }.ToDictionary(file => file, file => Fixture("encoders", name, file));
        foreach (var (file, content) in more)
        {
            files[file] = content;
        }

        return files;
    }

    private static (string, byte[]) Preprocessor => ("preprocessor_config.json",
        """{ "image_processor_type": "ViTImageProcessor", "do_resize": true, "size": { "height": 24, "width": 24 }, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "rescale_factor": 0.00392156862745098, "resample": 2 }"""u8.ToArray());

    private static Dictionary<string, byte[]> Adapter() => Encoder(
        "bert", ("adapter_config.json", Fixture("adapters", "bert-lora", "adapter_config.json")),
        ("adapter_model.safetensors", Fixture("adapters", "bert-lora", "adapter_model.safetensors")));

    private static Dictionary<string, byte[]> Sharded()
    {
        var weights = Fixture("encoders", "bert", CheckpointFiles.WeightsName);
        using var opened = SafetensorsFile.FromMemory(weights, "the fixture");
        var map = string.Join(", ", opened.Names.Select(name => $"\"{name}\": \"model-00001-of-00001.safetensors\""));
        return new()
        {
            [SafetensorsIndex.FileName] = Encoding.UTF8.GetBytes("{ \"metadata\": { \"total_size\": 1 }, \"weight_map\": { " + map + " } }"),
            ["model-00001-of-00001.safetensors"] = weights,
        };
    }

    private static string Describe(ISafetensors weights)
    {
        using (weights)
        {
            return string.Join(' ', weights.Names.Select(name => $"{name} {string.Join(',', weights.ShapeOf(name))}"));
        }
    }

    private static string Prepare(ImagePreprocessor preprocessor)
    {
        var pixels = new byte[30 * 20 * 3];
        new Random(3).NextBytes(pixels);
        return Convert.ToHexString(SHA256.HashData(preprocessor.Prepare(new RgbImage(30, 20, pixels)).Pixels));
    }

    private static byte[] Fixture(params string[] names) => File.ReadAllBytes(Path.Combine([AppContext.BaseDirectory, "Fixtures", .. names]));

    private static string Sum(IEnumerable<Tensor> values)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return string.Join(' ', values.Select(value => value.to(ScalarType.Float64).sum().item<double>().ToString("R", CultureInfo.InvariantCulture)));
    }
}
