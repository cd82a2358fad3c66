using Microsoft.Extensions.AI;
using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Onnx;

/// <summary>Vectors for texts from exported encoders.</summary>
[TestClass]
public sealed class OnnxEmbeddingGeneratorTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("embeddings").FullName;
    private readonly MLContext _mlContext = new(seed: 1);

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("minilm", "mean_pooled")]
    [DataRow("bge-small", "class_token")]
    public async Task GenerateAsync_EmbeddedEncoders_GiveTheVectorsOfTheReference(string name, string vector)
    {
        var reference = Fixture.Read($"{name}/reference.json");
        var longest = reference.GetProperty("max_length").GetInt32(); // shorter than the encoder's
        var rows = reference.GetProperty("rows").EnumerateArray()
            .Where(row => row.GetProperty("text").GetArrayLength() == 1 && row.GetProperty("input_ids").GetArrayLength() < longest).ToArray();
        ML.Checkpoints.SaveOnnxEmbeddings(name == "minilm" ? PretrainedModel.MiniLM : PretrainedModel.BgeSmall, _folder);

        using var generator = OnnxEmbeddingGenerator.Load(_folder);
        var embeddings = await generator.GenerateAsync(rows.Select(row => row.GetProperty("text")[0].GetString()!));

        using var scope = NewDisposeScope();
        Assert.HasCount(rows.Length, embeddings);
        Assert.AreEqual(rows.Sum(row => row.GetProperty("input_ids").GetArrayLength()), embeddings.Usage!.InputTokenCount);
        Assert.AreEqual(384, generator.Metadata.DefaultModelDimensions);
        for (var i = 0; i < rows.Length; i++)
        {
            var expected = nn.functional.normalize(rows[i].GetProperty(vector).ToTensor(), 2, 0);
            Fixture.AssertClose(expected, tensor(embeddings[i].Vector.ToArray()).to(ScalarType.Float64), 0, 2e-5); // float32 on both sides
        }
    }

    [TestMethod]
    public void Load_SaveWasInterruptedWhileMoving_CompletesIt()
    {
        ML.Checkpoints.SaveOnnxEmbeddings(TinyText.Model, Path.Combine(_folder, ".saved"));

        OnnxEmbeddingGenerator.Load(_folder).Dispose();

        Assert.IsTrue(File.Exists(Path.Combine(_folder, "model.onnx")));
        Assert.IsEmpty(Directory.GetDirectories(_folder));
    }

    [TestMethod]
    public async Task Load_FolderWithATrailingSeparator_IsCalledLikeTheFolder()
    {
        ML.Checkpoints.SaveOnnxEmbeddings(TinyText.Model, _folder);

        using var generator = OnnxEmbeddingGenerator.Load(_folder + Path.DirectorySeparatorChar);
        var embeddings = await generator.GenerateAsync(["the film was good"]);

        Assert.AreEqual(Path.GetFileName(_folder), generator.Metadata.DefaultModelId);
        Assert.AreEqual(Path.GetFileName(_folder), embeddings[0].ModelId);
        Assert.AreEqual(new Uri(_folder), generator.Metadata.ProviderUri);
    }

    [TestMethod]
    [DataRow(OnnxPrecision.Float16, 0.999)]
    [DataRow(OnnxPrecision.Int8, 0.95)]
    public async Task GenerateAsync_FewerBits_KeepsTheDirection(OnnxPrecision precision, double leastCosine)
    {
        string[] texts = ["the film was good", "a bank account", "where is my card?"];
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.MiniLM, _folder);
        using var exact = OnnxEmbeddingGenerator.Load(_folder);
        var expected = await exact.GenerateAsync(texts);
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.MiniLM, Path.Combine(_folder, "few"), options: new OnnxExportOptions { Precision = precision });

        using var rounded = OnnxEmbeddingGenerator.Load(Path.Combine(_folder, "few"));
        var actual = await rounded.GenerateAsync(texts);

        foreach (var (first, second) in expected.Zip(actual))
        {
            Fixture.AssertLess(1e-4, Math.Abs(1 - Cosine(second, second)));
            Fixture.AssertLess(1 - leastCosine, 1 - Cosine(first, second));
        }
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow(EmbeddingPooling.ClassToken)]
    public async Task GenerateAsync_TrainedModel_GivesWhatItsEncoderGives(EmbeddingPooling? pooling)
    {
        using var trained = TinyText.Trainer(_mlContext, options => options.Optimizer = Optimizers.AdamW with { LearningRate = 0.03 }).Fit(TinyText.KeyedRows(_mlContext, 24));
        string[] texts = ["a good film", "the bad film was not good at all", ""];
        trained.Model.SaveOnnxEmbeddings(_folder, pooling);

        using var generator = OnnxEmbeddingGenerator.Load(_folder, new OnnxScoringOptions { ThreadCount = 1 });
        var embeddings = await generator.GenerateAsync(texts);

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (encoder, encoding) = ((TextEncoder)trained.Model.Scorer.Model.Network.Base, trained.Model.Scorer.Predictor.Encoding);
        for (var i = 0; i < texts.Length; i++)
        {
            using var batch = TokenBatchSource.Collate([encoding.Tokenizer.Encode(texts[i], null, encoding.MaxTokens)], encoding.Tokenizer.PadId, CPU);
            var hidden = encoder.Encode(batch);
            var pooled = pooling == EmbeddingPooling.ClassToken || encoder.HasClassificationHead ? hidden[0, 0] : hidden[0].mean([0L]);
            Fixture.AssertClose(nn.functional.normalize(pooled, 2, 0), tensor(embeddings[i].Vector.ToArray()), 0, 1e-5);
        }
    }

    [TestMethod]
    public async Task SaveOnnxEmbeddings_FolderOfSentenceTransformers_PoolsAsItSays()
    {
        var (model, mean, first) = (Path.Combine(_folder, "model"), Path.Combine(_folder, "mean"), Path.Combine(_folder, "first"));
        using (var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8)))
        {
            trained.Model.SavePretrained(model);
        }

        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.FromFolder(model), mean);
        Directory.CreateDirectory(Path.Combine(model, "1_Pooling"));
        File.WriteAllText(Path.Combine(model, "1_Pooling", "config.json"), """{ "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false }""");
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.FromFolder(model), first);
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.FromFolder(model), Path.Combine(_folder, "asked"), EmbeddingPooling.Mean);

        var (ofMean, ofFirst, asked) = (await Vector(mean), await Vector(first), await Vector(Path.Combine(_folder, "asked")));
        CollectionAssert.AreNotEqual(ofMean, ofFirst);
        CollectionAssert.AreEqual(ofMean, asked);

        static async Task<float[]> Vector(string folder)
        {
            using var generator = OnnxEmbeddingGenerator.Load(folder);
            return (await generator.GenerateAsync(["a good film"]))[0].Vector.ToArray();
        }
    }

    [TestMethod]
    [DataRow("1_Pooling/config.json", """{ "pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": false }""", "pooling_mode_max_tokens")]
    [DataRow("1_Pooling/config.json", """{ "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true }""", "pooling_mode_cls_token and pooling_mode_mean_tokens")]
    [DataRow("modules.json", """[{ "type": "sentence_transformers.models.Transformer" }, { "type": "sentence_transformers.models.Dense" }]""", "the module 'Dense'")]
    [DataRow("modules.json", "{}", "no list of modules")]
    public void SaveOnnxEmbeddings_VectorsThatAreNotWritten_AreRefusedUnlessAPoolingIsNamed(string name, string content, string what)
    {
        using (var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8)))
        {
            trained.Model.SavePretrained(_folder);
        }

        Directory.CreateDirectory(Path.Combine(_folder, "1_Pooling"));
        File.WriteAllText(Path.Combine(_folder, name), content);
        var vectors = Path.Combine(_folder, "vectors");

        var error = Assert.Throws<Exception>(() => ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.FromFolder(_folder), vectors));
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.FromFolder(_folder), vectors, EmbeddingPooling.Mean);

        Assert.Contains(what, error.Message);
        Assert.IsTrue(File.Exists(Path.Combine(vectors, "model.onnx")));
    }

    [TestMethod]
    [DataRow(null, nameof(EmbeddingPooling.ClassToken), "the vector of the first token")]
    [DataRow(1, nameof(EmbeddingPooling.Mean), "the mean of the token vectors")] // no token of a cut encoder was trained to stand for a text
    public void SaveOnnxEmbeddings_BgeSmall_PoolsAsItWasTrainedAndSaysSo(int? layers, string pooling, string words)
    {
        ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.BgeSmall with { Layers = layers }, _folder);

        using var run = OnnxRun.Open(_folder);
        Assert.AreEqual(pooling, run.Notes["pooling"]);
        var readme = File.ReadAllText(Path.Combine(_folder, "README.md"));
        StringAssert.Contains(readme, words);
        StringAssert.Contains(readme, "float32 [batch, 384]");
        StringAssert.Contains(readme, "tokenizer.enable_truncation(512)\ntokenizer.enable_padding(pad_id=0)\n");
        StringAssert.Contains(readme, "\"token_type_ids\": np.array([row.type_ids for row in encoded], np.int64)");
    }

    [TestMethod]
    public async Task GenerateAsync_ManyTextsOnTwoThreads_GivesEachItsVector()
    {
        using var generator = Tiny();
        string[] texts = [.. Enumerable.Range(0, 600).Select(i => string.Join(' ', Enumerable.Repeat(i % 3 == 0 ? "good" : "film", 1 + (i % 7))))];

        var both = await Task.WhenAll(generator.GenerateAsync(texts), generator.GenerateAsync(texts.Reverse()));
        var alone = await generator.GenerateAsync([texts[17]]);

        Fixture.AssertLess(1e-5, 1 - Cosine(alone[0], both[0][17]));
        Fixture.AssertLess(1e-5, 1 - Cosine(alone[0], both[1][^18]));
        Assert.IsEmpty(await generator.GenerateAsync([]));
    }

    [TestMethod]
    public async Task GenerateAsync_WrongInput_IsRefused()
    {
        var generator = Tiny();

        await Assert.ThrowsExactlyAsync<ArgumentException>(() => generator.GenerateAsync(["good", null!]));
        var error = await Assert.ThrowsExactlyAsync<ArgumentException>(() => generator.GenerateAsync(["good"], new EmbeddingGenerationOptions { Dimensions = 3 }));
        StringAssert.Contains(error.Message, "not 3");
        await Assert.ThrowsAsync<OperationCanceledException>(() => generator.GenerateAsync(["good"], cancellationToken: new CancellationToken(canceled: true)));
        generator.Dispose();
        await Assert.ThrowsExactlyAsync<ObjectDisposedException>(() => generator.GenerateAsync(["good"]));
    }

    [TestMethod]
    public void Load_AnotherFolder_SaysWhatItIs()
    {
        using (var trained = TinyText.Trainer(_mlContext).Fit(TinyText.KeyedRows(_mlContext, 8)))
        {
            trained.Model.SaveOnnx(_folder);
        }

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => OnnxEmbeddingGenerator.Load(_folder)).Message, "SaveOnnxEmbeddings");
        Assert.ThrowsExactly<DirectoryNotFoundException>(() => OnnxEmbeddingGenerator.Load(Path.Combine(_folder, "none")));
        using (Tiny())
        {
        }

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => _mlContext.Transforms.ApplyNaturalGradientOnnx(_folder)).Message, "embedding");
    }

    [TestMethod]
    public void SaveOnnxEmbeddings_ModelsWithoutVectorsForTexts_AreRefused()
    {
        using var pictures = (ImageClassificationTransformer)ServingTasks.Train(_mlContext, "picture");
        using var answers = (TextClassificationTransformer)ServingTasks.Train(_mlContext, "t5");
        using var prompt = TinyText.Trainer(_mlContext, options => options.Adapter = Adapters.PromptTuning with { TokenCount = 2 }).Fit(TinyText.KeyedRows(_mlContext, 8));

        Assert.ThrowsExactly<NotSupportedException>(() => pictures.Model.SaveOnnxEmbeddings(_folder));
        Assert.ThrowsExactly<NotSupportedException>(() => answers.Model.SaveOnnxEmbeddings(_folder));
        Assert.ThrowsExactly<NotSupportedException>(() => prompt.Model.SaveOnnxEmbeddings(_folder));
        Assert.ThrowsExactly<NotSupportedException>(() => ML.Checkpoints.SaveOnnxEmbeddings(TinyT5.Model, _folder));
        Assert.ThrowsExactly<NotSupportedException>(() => ML.Checkpoints.SaveOnnxEmbeddings(PretrainedModel.ViTSmall, _folder));
        Assert.IsEmpty(Directory.GetFileSystemEntries(_folder));
    }

    private OnnxEmbeddingGenerator Tiny()
    {
        ML.Checkpoints.SaveOnnxEmbeddings(TinyText.Model, _folder);
        return OnnxEmbeddingGenerator.Load(_folder);
    }

    private static double Cosine(Embedding<float> first, Embedding<float> second) => first.Vector.ToArray().Zip(second.Vector.ToArray(), (left, right) => (double)left * right).Sum();
}
