using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Imaging;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class ImageClassificationTrainer
{
    /// <summary>Settings of an <see cref="ImageClassificationTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>Names are those of ML.NET's own trainer for pictures, where both have a setting.</remarks>
    public sealed class Options : FineTuningOptions
    {

        /// <summary>Creates the default settings.</summary>
        public Options()
            : base(PretrainedModel.ViTSmall)
        {
            ValidationSetFraction = 0.1;
            EarlyStoppingCriteria = new();
        }

        /// <summary>Column with the picture: bytes of an encoded file, ML.NET's picture, or the path of a file. The default is "Features".</summary>
        [Required]
        public string FeatureColumnName { get; set; } = "Features";

        /// <summary>Output column with the most probable class. The default is "PredictedLabel".</summary>
        [Required]
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>Passes over the training rows, at least 1. The default is 10, or 4 with <see cref="FineTuningOptions.FewShot"/>.</summary>
        [Range(1, int.MaxValue, ErrorMessage = "Use at least 1 epoch.")]
        public int Epoch { get => EpochCount; set => EpochCount = value; }

        /// <summary>
        /// When to stop before the last epoch; the weights of the best epoch are kept. The default stops after 2 epochs without a smaller
        /// validation loss; null trains all epochs and keeps the last weights. Without effect where there are no validation rows.
        /// </summary>
        public EarlyStopping? EarlyStoppingCriteria { get => Stopping; set => Stopping = value; }

        /// <summary>
        /// Width and height, in pixels, that pictures are resized to, at most 4,096: a multiple of the model's patches (14 for ViTSmall, else mostly 16). Null (the
        /// default) takes that of the model, mostly 224. The time of a step grows a little faster than the square of it.
        /// </summary>
        [Range(1, ImagePreprocessor.LargestSize, ErrorMessage = "Use a multiple of the model's patch up to 4096, for example 224, or null for the model's own size.")]
        public int? ImageSize { get; set; }

        /// <summary>Random changes of training pictures; null (the default) for none.</summary>
        public ImageAugmentation? Augmentation { get; set; }

        /// <summary>What happens to pictures that cannot be read, in training and when rows are scored. They are skipped by default.</summary>
        [EnumDataType(typeof(UnreadableImages), ErrorMessage = "Use Skip or Stop.")]
        public UnreadableImages UnreadableImages { get; set; } = UnreadableImages.Skip;

        /// <summary>
        /// Most pixels (width times height) of a picture before it is resized, from 1 to 500,000,000; larger ones count as unreadable and are never decoded.
        /// The default is 100,000,000.
        /// </summary>
        [Range(1d, ImageDecoder.HighestMaxPixels, ErrorMessage = "Use a number from 1 to 500000000.")]
        public long MaxPixels { get; set; } = ImageDecoder.DefaultMaxPixels;

        /// <summary>
        /// Most bytes of resized pictures that are kept in memory while training, 0 or more; the others go to a temporary file. The default is 1 GiB,
        /// about 7,000 pictures of 224 × 224 pixels.
        /// </summary>
        [Range(0d, long.MaxValue, ErrorMessage = "Use 0 to keep all pictures in a temporary file, or a positive number of bytes.")]
        public long CacheMemoryLimit { get; set; } = PixelCache.DefaultMemoryLimit;

        /// <summary>
        /// How often training rows of each class count, beside <see cref="FineTuningOptions.ExampleWeightColumnName"/>; null (the default) for once. <see cref="NaturalGradient.ClassWeights.Balanced"/> is for classes of very
        /// different sizes that matter alike: rare ones are found more often, at the cost of probabilities that no longer say how frequent they are.
        /// </summary>
        public ClassWeights? ClassWeights { get => WeightsOfClasses; set => WeightsOfClasses = value; }

        internal override string EpochCountName => nameof(Epoch);

        internal override ImageColumns Columns => new(Target, FeatureColumnName);

        /// <summary>How pictures are read.</summary>
        internal ImageReading Reading => new(ImageSize, MaxPixels, UnreadableImages);

        private protected override string PredictedLabel => PredictedLabelColumnName;

        private protected override LabelKind LabelKind => LabelKind.Class;

        internal override void Validate()
        {
            base.Validate();
            Augmentation?.Validate();
            if (FewShot && Augmentation is not null)
            {
                throw new ArgumentException("FewShot solves the head on pictures as they are. Set Augmentation to null, or FewShot to false.", nameof(FewShot));
            }

            if (Adapter.PromptLength > 0)
            {
                throw new ArgumentException("Prompt tuning is for texts. Use Adapters.LoRA, Adapters.Full, Adapters.BiasOnly or Adapters.HeadOnly.", nameof(Adapter));
            }
        }
    }
}
