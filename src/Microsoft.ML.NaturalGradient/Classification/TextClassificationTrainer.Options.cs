namespace Microsoft.ML.NaturalGradient;

public sealed partial class TextClassificationTrainer
{
    /// <summary>Settings of a <see cref="TextClassificationTrainer"/>; copied when the trainer is created.</summary>
    public sealed class Options
    {
        /// <summary>Column with the class of a row, a key as <c>MapValueToKey</c> makes it. The default is "Label".</summary>
        public string LabelColumnName { get; set; } = "Label";

        /// <summary>Output column with the probability of each class. The default is "Score".</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>Output column with the most probable class. The default is "PredictedLabel".</summary>
        public string PredictionColumnName { get; set; } = "PredictedLabel";

        /// <summary>Column with the text. The default is "Sentence1".</summary>
        public string Sentence1ColumnName { get; set; } = "Sentence1";

        /// <summary>Column with the second text of a pair; null (the default) for single texts.</summary>
        public string? Sentence2ColumnName { get; set; }

        /// <summary>Rows of a training step, at least 1. The default is 32.</summary>
        public int BatchSize { get; set; } = 32;

        /// <summary>Passes over the training rows, at least 1. The default is 10.</summary>
        public int MaxEpoch { get; set; } = 10;

        /// <summary>Rows to watch the training on, with the columns of the training rows; null (the default) for none.</summary>
        public IDataView? ValidationSet { get; set; }

        /// <summary>Fraction of the training rows set aside to watch the training on, from 0 (the default) to less than 1.</summary>
        public double ValidationSetFraction { get; set; }

        /// <summary>The optimizer. The default is <see cref="Optimizers.Ief"/>.</summary>
        public OptimizerOptions Optimizer { get; set; } = Optimizers.Ief;

        /// <summary>The pretrained model to start from. The default is <see cref="PretrainedModel.MiniLM"/>.</summary>
        public PretrainedModel Model { get; set; } = PretrainedModel.MiniLM;

        /// <summary>What is trained besides the classification head. The default is <see cref="Adapters.LoRA"/>.</summary>
        public AdapterOptions Adapter { get; set; } = Adapters.LoRA;

        /// <summary>When to stop before the last epoch; null (the default) for never. Needs validation rows.</summary>
        public EarlyStopping? EarlyStopping { get; set; }

        /// <summary>Called after every step and every epoch, on the thread that trains; null (the default) for nobody.</summary>
        public Action<TrainingProgress>? MetricsCallback { get; set; }

        /// <summary>Stops the training with an <see cref="OperationCanceledException"/>.</summary>
        public CancellationToken CancellationToken { get; set; }

        /// <summary>
        /// Most tokens of a row, at least 8; longer texts lose their end. Null (the default) takes 256, or fewer where the model reads fewer.
        /// </summary>
        public int? MaxSequenceLength { get; set; }

        /// <summary>
        /// Whether a saved model holds the pretrained weights. The default is true: it then needs nothing else. When false it holds
        /// only what was trained and finds the pretrained model again when it is loaded; see <see cref="NaturalGradientCatalog.UsePretrainedModel"/>.
        /// </summary>
        public bool SaveBaseModel { get; set; } = true;

        internal Options Clone() => (Options)MemberwiseClone();
    }
}
