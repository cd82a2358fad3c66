using Microsoft.ML.NaturalGradient.Batching;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Tests.Imaging;
using Microsoft.ML.NaturalGradient.Tests.Models.Vision;
using Microsoft.ML.NaturalGradient.Tokenization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

/// <summary>Frozen layers that are computed once, against a network that computes all layers for every batch; float64.</summary>
[TestClass]
public sealed class FrozenSourceTests
{
    private static readonly int[] Lengths = [4, 9, 6, 9, 5, 7, 3];

    private readonly string _folder = Directory.CreateTempSubdirectory("frozen").FullName;

    public static IEnumerable<object[]> Texts => EncoderFixture.OfTexts.SelectMany(name => new object[][] { [name[0], true], [name[0], false] });

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DynamicData(nameof(Texts))]
    public void Logits_OfTexts_AreThoseOfAllLayers(string encoder, bool headOnly)
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture(encoder).CreateClassifier(Adapter(headOnly));
        Assert.AreEqual(headOnly ? network.Base.LayerCount + 1 : network.Base.LayerCount - 1, network.FrozenLayers);

        AssertSameLogits(network, Rows(Device));
    }

    [TestMethod]
    [DataRow("vit", true)]
    [DataRow("vit", false)]
    [DataRow("deit", true)]
    [DataRow("deit", false)]
    [DataRow("dinov2", true)]
    [DataRow("dinov2", false)]
    public void Logits_OfPictures_AreThoseOfAllLayers(string encoder, bool headOnly)
    {
        using var scope = NewDisposeScope();
        using var network = new ImageFixture(encoder).CreateClassifier(Adapter(headOnly));
        _ = network.to(ScalarType.Float32); // as pictures are
        using var cache = new PixelCache();

        AssertSameLogits(network, PictureRows(cache, 5, 2), 1e-5);
    }

    [TestMethod]
    public void Logits_BatchOfMorePicturesThanAreComputedAtOnce_AreThoseOfAllLayers()
    {
        using var scope = NewDisposeScope();
        using var network = new ImageFixture("vit").CreateClassifier(Adapter(headOnly: true));
        _ = network.to(ScalarType.Float32);
        using var cache = new PixelCache();

        AssertSameLogits(network, PictureRows(cache, 131, 131), 1e-5);
    }

    [TestMethod]
    public void InputsOf_PartsOfAnyLength_AreTheirOwnPictures()
    {
        using var scope = NewDisposeScope();
        using var cache = new PixelCache();
        var rows = PictureRows(cache, 5, 2);
        int[][] parts = [[4, 1, 2], [3], [0, 1]];
        var single = rows.InputsOf([[0], [1], [2], [3], [4]]).Cast<PixelBatch>().Select(batch => batch.Pixels).ToArray();

        var inputs = rows.InputsOf(parts).Cast<PixelBatch>().ToArray();

        Assert.HasCount(parts.Length, inputs);
        foreach (var (part, input) in parts.Zip(inputs))
        {
            Assert.IsTrue(cat([.. part.Select(row => single[row])]).Equals(input.Pixels));
        }
    }

    [TestMethod]
    [DataRow("all-linear of every layer")]
    [DataRow("prompt")]
    [DataRow("biases")]
    [DataRow("everything")]
    public void FrozenLayers_SomethingBelowIsTrained_None(string what)
    {
        AdapterOptions adapter = what switch
        {
            "prompt" => new PromptTuningOptions { TokenCount = 2 },
            "biases" => new BiasOnlyOptions(),
            "everything" => new FullFineTuningOptions(),
            _ => new LoraOptions { TargetModules = LoraOptions.AllLinear },
        };
        using var network = new EncoderFixture("bert").CreateClassifier(adapter);

        Assert.AreEqual(0, network.FrozenLayers);
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Batches_FromAFileOrInMemory_AreEqualToTheBit(bool headOnly)
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture("bert").CreateClassifier(Adapter(headOnly));
        using var inMemory = Filled(network, new FrozenSource(Rows(Device), network, network.FrozenLayers));
        using var inFile = Filled(network, new FrozenSource(Rows(Device), network, network.FrozenLayers, memoryLimit: 0, folder: _folder));
        Assert.AreEqual(0, inMemory.FileBytes);
        Assert.AreEqual(0, inFile.MemoryBytes);
        Assert.AreEqual(inMemory.MemoryBytes, inFile.FileBytes);

        foreach (var (first, second) in inMemory.Shuffled(2).Zip(inFile.Shuffled(2)))
        {
            Assert.IsTrue(network.Forward(first.Input).Equals(network.Forward(second.Input)));
            Assert.IsTrue(first.Labels.Equals(second.Labels));
        }
    }

    [TestMethod]
    public void Logits_BatchesAsTheyWereComputed_AreThoseOfAllLayersToTheBitInSinglePrecision()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = new EncoderFixture("bert").CreateClassifier(Adapter(headOnly: false));
        _ = network.to(ScalarType.Float32);
        var rows = Source([.. Enumerable.Repeat(6, 8)], Device); // without padding
        using var frozen = Filled(network, new FrozenSource(rows, network, network.FrozenLayers));

        foreach (var (whole, kept) in rows.Ordered().Zip(frozen.Ordered()))
        {
            Assert.IsTrue(network.Forward(whole.Input).Equals(network.Forward(kept.Input)));
        }
    }

    [TestMethod]
    public void Logits_HalfPrecision_AreNear()
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture("bert").CreateClassifier(Adapter(headOnly: true));
        using var half = Filled(network, new FrozenSource(Rows(Device), network, network.FrozenLayers, ScalarType.Float16));
        using var exact = Filled(network, new FrozenSource(Rows(Device), network, network.FrozenLayers));

        Assert.AreEqual(exact.MemoryBytes / 4, half.MemoryBytes); // of float64
        AssertSameLogits(network, Rows(Device), 5e-3, half);
    }

    [TestMethod]
    public void Fill_NumberBeyond16Bits_Throws()
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture("bert").CreateClassifier(Adapter(headOnly: false));
        using (no_grad())
        {
            network.FrozenParameters.Single(named => named.Name == "bert.encoder.layer.0.output.LayerNorm.weight").Value.mul_(1e6);
        }

        using var half = new FrozenSource(Rows(Device), network, network.FrozenLayers, ScalarType.Float16);
        using var exact = new FrozenSource(Rows(Device), network, network.FrozenLayers);

        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => half.Fill()).Message, "HalfPrecision");
        exact.Fill();
    }

    [TestMethod]
    public void Copy_MoreRowsThanASpanHolds_WritesWhereEachBegins()
    {
        const int count = 600;
        const int width = 1 << 20;
        using var scope = NewDisposeScope();
        var memory = zeros(width + (2 * count)); // float32
        var rows = memory.as_strided([count, width], [2, 1]); // 2.4 GB, if they did not overlap

        FrozenSource.Copy([.. Enumerable.Range(0, count).Select(i => BitConverter.GetBytes((float)i))], rows);

        CollectionAssert.AreEqual(Enumerable.Range(0, 2 * count).Select(i => i % 2 == 0 ? i / 2f : 0).ToArray(), memory[..(2 * count)].data<float>().ToArray());
    }

    [TestMethod]
    public void Slice_OfKeptStates_IsThatOfTheWholeBatch()
    {
        using var scope = NewDisposeScope();
        using var network = new EncoderFixture("bert").CreateClassifier(Adapter(headOnly: false));
        using var frozen = Filled(network, new FrozenSource(Rows(Device), network, network.FrozenLayers));
        using var batch = frozen.Ordered().First();

        Fixture.AssertClose(network.Forward(batch.Input).narrow(0, 1, 2), network.Forward(batch.Input.Slice(1, 2)), 1e-12, 1e-12);
    }

    private static Device Device => CPU;

    private static AdapterOptions Adapter(bool headOnly) => headOnly ? new HeadOnlyOptions() : new LoraOptions { Rank = 4, Alpha = 8, Layers = 1 };

    private static TokenBatchSource Rows(Device device) => Source(Lengths, device);

    private static TokenBatchSource Source(int[] lengths, Device device)
    {
        var random = new Random(3);
        return new TokenBatchSource(
            [.. lengths.Select((length, i) => new EncodedRow(
                new TokenSequence([.. Enumerable.Range(0, length).Select(_ => random.Next(5, 40))], null, false), i % 3))],
            3, 0, device, seed: 3);
    }

    private static ImageBatchSource PictureRows(PixelCache cache, int count, int batchSize)
    {
        var config = new Dictionary<string, byte[]>
        {
            ["preprocessor_config.json"] = """
                { "image_processor_type": "ViTImageProcessor", "size": { "height": 24, "width": 24 }, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 2 }
                """u8.ToArray(),
        };
        using var files = new MemoryCheckpointFiles(config, "the test");
        var preprocessor = ImagePreprocessor.Read(files, "ViTImageProcessor", null);
        var examples = Enumerable.Range(0, count).Select(i => new ImageExample(cache.Add(Pictures.Noise(preprocessor.Width, preprocessor.Height, i)), i, i % 3)).ToArray();
        return new ImageBatchSource(examples, new PreparedImages(cache, preprocessor, null), batchSize, Device, seed: 3);
    }

    private static FrozenSource Filled(AdaptedNetwork network, FrozenSource source)
    {
        EncoderFixture.Perturb(network); // adapters start at zero
        source.Fill();
        return source;
    }

    private static void AssertSameLogits(AdaptedNetwork network, RowBatchSource rows, double tolerance = 1e-12, FrozenSource? source = null)
    {
        using var frozen = source ?? Filled(network, new FrozenSource(rows, network, network.FrozenLayers));
        Assert.AreEqual(rows.Fingerprint(), frozen.Fingerprint());
        foreach (var (all, kept) in new[] { (rows.Ordered(), frozen.Ordered()), (rows.Shuffled(1), frozen.Shuffled(1)), (rows.Shuffled(4, 1), frozen.Shuffled(4, 1)) })
        {
            var batches = 0;
            foreach (var (first, second) in all.Zip(kept))
            {
                using var ownedFirst = first;
                using var ownedSecond = second;
                Assert.IsTrue(first.Labels.Equals(second.Labels));
                Fixture.AssertClose(network.Forward(first.Input), network.Forward(second.Input), tolerance, tolerance);
                batches++;
            }

            Assert.IsGreaterThanOrEqualTo(rows.BatchCount - 1, batches);
        }
    }
}
