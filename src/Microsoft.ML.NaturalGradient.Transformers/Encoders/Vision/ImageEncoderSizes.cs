using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>The sizes and settings that every image encoder has, as its config.json gives them.</summary>
internal sealed record ImageEncoderSizes
{
    /// <summary>End of the class names of checkpoints that have a head.</summary>
    public const string ClassifierSuffix = "ForImageClassification";

    /// <summary>End of the class names of checkpoints that have a second head on the distillation token.</summary>
    public const string TeacherSuffix = "ForImageClassificationWithTeacher";

    private const int ChannelCount = 3;

    public required int HiddenSize { get; init; }

    public required int LayerCount { get; init; }

    public required int HeadCount { get; init; }

    /// <summary>Width and height of the pictures that the positions were trained on.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Width and height of a patch.</summary>
    public required int PatchSize { get; init; }

    public required double LayerNormEpsilon { get; init; }

    public required string Activation { get; init; }

    /// <summary>Whether queries, keys and values have biases.</summary>
    public required bool AttentionBias { get; init; }

    /// <summary>Whether the checkpoint was saved with a head that classifies whole pictures.</summary>
    public required bool HasClassificationHead { get; init; }

    /// <summary>Whether that head is a mean of two, on the class and the distillation token.</summary>
    public required bool HasDistillationHead { get; init; }

    /// <summary>Patches in a row, and rows of patches, of the pictures that the positions were trained on.</summary>
    public int GridSize => ImageSize / PatchSize;

    /// <summary>Reads and checks the sizes.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="defaultEpsilon">ε of normalisations where the configuration does not say.</param>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static ImageEncoderSizes Read(ModelConfig config, double defaultEpsilon = 1e-12)
    {
        var channels = config.OptionalInt("num_channels", ChannelCount);
        if (channels != ChannelCount)
        {
            throw new NotSupportedException(
                $"The model reads pictures with num_channels {channels}; only {ChannelCount} (red, green, blue) are supported. Use another checkpoint.");
        }

        var result = new ImageEncoderSizes
        {
            HiddenSize = EncoderSizes.Positive(config, "hidden_size"),
            LayerCount = EncoderSizes.Layers(config, "num_hidden_layers"),
            HeadCount = EncoderSizes.Positive(config, "num_attention_heads"),
            ImageSize = EncoderSizes.Positive(config, "image_size"),
            PatchSize = EncoderSizes.Positive(config, "patch_size"),
            LayerNormEpsilon = EncoderSizes.Epsilon(config, "layer_norm_eps", defaultEpsilon),
            Activation = config.OptionalString("hidden_act", "gelu"),
            AttentionBias = config.OptionalBool("qkv_bias", true),
            HasClassificationHead = config.Architectures.Any(IsClassifier),
            HasDistillationHead = config.Architectures.Any(IsTeacher),
        };
        result.Check();
        return result;
    }

    /// <summary>Whether a class of transformers has a head that classifies whole pictures.</summary>
    /// <param name="architecture">Name of the class.</param>
    public static bool IsClassifier(string architecture) =>
        architecture.EndsWith(ClassifierSuffix, StringComparison.Ordinal) || IsTeacher(architecture);

    /// <summary>Whether that head is a mean of two, on the class and the distillation token.</summary>
    /// <param name="architecture">Name of the class.</param>
    public static bool IsTeacher(string architecture) => architecture.EndsWith(TeacherSuffix, StringComparison.Ordinal);

    private void Check()
    {
        if (HiddenSize % HeadCount != 0)
        {
            throw new InvalidDataException(
                $"The configuration has hidden_size {HiddenSize}, which is no multiple of num_attention_heads {HeadCount}. Fetch the model's files again.");
        }

        if (ImageSize < PatchSize)
        {
            throw new InvalidDataException(
                $"The configuration has image_size {ImageSize}, which is less than patch_size {PatchSize}. Fetch the model's files again.");
        }
    }
}
