using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Vision;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.Vision;

/// <summary>A tiny reference checkpoint of an image encoder, loaded from its files as a float64 classifier of three classes.</summary>
/// <param name="name">Name of its folder.</param>
internal sealed class ImageFixture(string name)
{
    private readonly EncoderFixture _files = new(name);

    /// <summary>Results of the reference implementation.</summary>
    public JsonElement Reference => _files.Reference;

    /// <summary>The files, with changes to the fields of config.json.</summary>
    public CheckpointFiles OpenFiles(params (string Field, object? Value)[] changes) => _files.OpenFiles(changes);

    /// <summary>Everything is loaded, the head too; nothing but the adapter's parameters and the head is trainable.</summary>
    public ImageClassifier CreateClassifier(
        AdapterOptions? adapter = null, int classCount = EncoderFixture.ClassCount, params (string Field, object? Value)[] changes)
    {
        using var files = OpenFiles(changes);
        return CreateClassifier(ImageCheckpoint.Load(files), adapter, classCount);
    }

    /// <summary>A classifier of a checkpoint that a test has read itself.</summary>
    public static ImageClassifier CreateClassifier(
        ImageCheckpoint checkpoint, AdapterOptions? adapter = null, int classCount = EncoderFixture.ClassCount) => InFloat64(new ImageClassifier(
            checkpoint.Encoder, classCount, adapter ?? new LoraOptions { Rank = 4, Alpha = 8 }, seed: 1, checkpoint.HeadWeights));

    /// <summary>A classifier with random weights, for variants that the checkpoint does not have.</summary>
    public ImageClassifier CreateRandom(params (string Field, object? Value)[] changes)
    {
        using var files = OpenFiles(changes);
        var config = ModelConfig.Read(files);
        var classifier = InFloat64(new ImageClassifier(
            (ImageEncoder)Architectures.ForPictures(config).Create(config), EncoderFixture.ClassCount, new FullFineTuningOptions(), seed: 1));
        using var noGrad = no_grad();
        using var generator = new Generator(7);
        foreach (var parameter in classifier.parameters())
        {
            parameter.normal_(0, 0.3, generator);
        }

        return classifier;
    }

    /// <summary>Runs a classifier on pictures.</summary>
    public BatchEvaluation Evaluate(ImageClassifier classifier, PixelBatch inputs) => _files.Evaluate(classifier, inputs);

    /// <summary>The pictures of the reference; 24 × 24 pixels, as the positions are made for.</summary>
    public PixelBatch Inputs() => Inputs(Reference.GetProperty("inputs"));

    /// <summary>Pictures of 40 × 40 pixels, for which the reference resized the positions.</summary>
    public PixelBatch LargerInputs() => Inputs(Reference.GetProperty("other_size").GetProperty("inputs"));

    /// <summary>Pictures of 32 × 16 pixels: smaller, and not square.</summary>
    public PixelBatch OblongInputs()
    {
        using var larger = LargerInputs();
        return new PixelBatch(larger.Pixels[.., .., ..16, ..32].clone());
    }

    /// <summary>One picture of a batch.</summary>
    public static PixelBatch Row(PixelBatch inputs, long n) => new(inputs.Pixels.narrow(0, n, 1));

    public static PixelBatch Inputs(JsonElement inputs) => new(inputs.GetProperty("pixel_values").ToTensor());

    private static ImageClassifier InFloat64(ImageClassifier classifier)
    {
        _ = classifier.to(ScalarType.Float64);
        return classifier;
    }
}
