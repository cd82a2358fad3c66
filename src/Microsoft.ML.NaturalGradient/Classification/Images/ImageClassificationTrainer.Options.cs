using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Imaging;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class ImageClassificationTrainer
{
    /// <summary>Settings of an <see cref="ImageClassificationTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>Names are those of ML.NET's own trainer for pictures, where both have a setting.</remarks>
    public sealed class Options
    {
        /// <summary>Column with the class, a key as <c>MapValueToKey</c> makes it. The default is "Label".</summary>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>Column with the picture: bytes of an encoded file, ML.NET's picture, or the path of a file. The default is "Features".</summary>
        public string FeatureColumnName { get; set; } = "Features";

        /// <summary>Output column with the probability of each class. The default is "Score".</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>Output column with the most probable class. The default is "PredictedLabel".</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>Rows of a training step, at least 1. The default is 32.</summary>
        public int BatchSize { get; set; } = 32;

        /// <summary>Passes over the training rows, at least 1. The default is 10.</summary>
        public int Epoch { get; set; } = 10;

        /// <summary>Rows to watch the training on, with the columns of the training rows; null (the default) takes some of the training rows.</summary>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// Fraction of the training rows set aside to watch the training on, from 0 (none) to less than 1. The default is 0.1. Not used if
        /// <see cref="ValidationSet"/> is set.
        /// </summary>
        public double ValidationSetFraction { get; set; } = 0.1;

        /// <summary>
        /// When to stop before the last epoch; the weights of the best epoch are kept. The default stops after 2 epochs without a smaller
        /// validation loss; null trains all epochs and keeps the last weights. Without effect where there are no validation rows.
        /// </summary>
        public EarlyStopping? EarlyStoppingCriteria { get; set; } = new();

        /// <summary>The optimizer. The default is <see cref="Optimizers.Ief"/>.</summary>
        public OptimizerOptions Optimizer { get; set; } = Optimizers.Ief;

        /// <summary>The pretrained model to start from. The default is <see cref="PretrainedModel.ViTSmall"/>.</summary>
        public PretrainedModel Model { get; set; } = PretrainedModel.ViTSmall;

        /// <summary>What is trained besides the classification head. The default is <see cref="Adapters.LoRA"/>.</summary>
        public AdapterOptions Adapter { get; set; } = Adapters.LoRA;

        /// <summary>
        /// Width and height, in pixels, that pictures are resized to: a multiple of the model's patches (14 for ViTSmall, else mostly 16). Null (the
        /// default) takes that of the model, mostly 224. The time of a step grows a little faster than the square of it.
        /// </summary>
        public int? ImageSize { get; set; }

        /// <summary>Random changes of training pictures; null (the default) for none.</summary>
        public ImageAugmentation? Augmentation { get; set; }

        /// <summary>What happens to pictures that cannot be read, in training and when rows are scored. They are skipped by default.</summary>
        public UnreadableImages UnreadableImages { get; set; } = UnreadableImages.Skip;

        /// <summary>
        /// Most pixels (width times height) of a picture before it is resized, from 1 to 500,000,000; larger ones count as unreadable and are never decoded.
        /// The default is 100,000,000.
        /// </summary>
        public long MaxPixels { get; set; } = ImageDecoder.DefaultMaxPixels;

        /// <summary>
        /// Most bytes of resized pictures that are kept in memory while training, 0 or more; the others go to a temporary file. The default is 1 GiB,
        /// about 7,000 pictures of 224 × 224 pixels.
        /// </summary>
        public long CacheMemoryLimit { get; set; } = PixelCache.DefaultMemoryLimit;

        /// <summary>
        /// Whether a run whose training loss rises far, stays above that of a guess or stops being a number goes back to its last good weights and goes on
        /// with half the learning rate, which a warning in the log says. The default is true; false trains as the optimizer says to the end, for comparisons,
        /// and saves the memory of a copy of the trained weights and of the optimizer's state.
        /// </summary>
        public bool RecoverFromDivergence { get; set; } = true;

        /// <summary>
        /// Folder in which a run leaves its state, so that one that was interrupted can go on; null (the default) for none. It is made where it does not exist,
        /// and serves one run at a time. The state is saved at the end of every epoch, every <see cref="CheckpointEvery"/>, and when the run is cancelled.
        /// </summary>
        public string? CheckpointFolder { get; set; }

        /// <summary>How often the state is saved besides the end of every epoch. The default is every five minutes.</summary>
        public CheckpointInterval CheckpointEvery { get; set; } = new();

        /// <summary>
        /// Whether a run goes on from the state in <see cref="CheckpointFolder"/>, where there is one. It ends at the weights of a run that was not interrupted, to the
        /// last bit with as many threads on a processor of the same kind. A state of other settings, data or pretrained weights is an error that names what differs; that of a run that had ended gives its
        /// model again. The default is true; false begins anew.
        /// </summary>
        public bool Resume { get; set; } = true;

        /// <summary>Called after every step and every epoch, on the thread that trains; null (the default) for nobody.</summary>
        public Action<TrainingProgress>? MetricsCallback { get; set; }

        /// <summary>
        /// Measures while training how close update directions are to the exact natural gradient; null (the default) for nothing. Results come with
        /// <see cref="MetricsCallback"/>.
        /// </summary>
        public QualityProbe? QualityProbe { get; set; }

        /// <summary>Stops the training with an <see cref="OperationCanceledException"/>.</summary>
        public CancellationToken CancellationToken { get; set; }

        /// <summary>
        /// Whether a saved model holds the pretrained weights. The default is true: it then needs nothing else. When false it holds
        /// only what was trained and finds the pretrained model again when it is loaded; see <see cref="NaturalGradientCatalog.UsePretrainedModel"/>.
        /// </summary>
        public bool SaveBaseModel { get; set; } = true;

        /// <summary>The settings that all trainers share.</summary>
        internal FineTuningSettings Shared => new()
        {
            Optimizer = Optimizer,
            Model = Model,
            Adapter = Adapter,
            BatchSize = BatchSize,
            EpochCount = Epoch,
            EpochCountName = nameof(Epoch),
            ValidationSetFraction = ValidationSetFraction,
            EarlyStopping = EarlyStoppingCriteria,
            MetricsCallback = MetricsCallback,
            CancellationToken = CancellationToken,
            SaveBaseModel = SaveBaseModel,
            Probe = QualityProbe,
            RecoverFromDivergence = RecoverFromDivergence,
            CheckpointFolder = CheckpointFolder,
            CheckpointEvery = CheckpointEvery,
            Resume = Resume,
        };

        /// <summary>How pictures are read.</summary>
        internal ImageReading Reading => new(ImageSize, MaxPixels, UnreadableImages);

        internal Options Clone() => (Options)MemberwiseClone();

        /// <summary>Throws when a setting is out of range.</summary>
        internal void Validate()
        {
            ArgumentException.ThrowIfNullOrEmpty(LabelColumnName);
            ArgumentException.ThrowIfNullOrEmpty(FeatureColumnName);
            ArgumentException.ThrowIfNullOrEmpty(ScoreColumnName);
            ArgumentException.ThrowIfNullOrEmpty(PredictedLabelColumnName);
            Shared.Validate();
            Augmentation?.Validate();
            Reading.Validate();
            FineTuningSettings.Check(
                CacheMemoryLimit >= 0, nameof(CacheMemoryLimit), CacheMemoryLimit, "Use 0 to keep all pictures in a temporary file, or a positive number of bytes.");
            if (Adapter.PromptLength > 0)
            {
                throw new ArgumentException("Prompt tuning is for texts. Use Adapters.LoRA, Adapters.Full, Adapters.BiasOnly or Adapters.HeadOnly.", nameof(Adapter));
            }
        }
    }
}
