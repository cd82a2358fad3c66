using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class TextClassificationTrainer
{
    /// <summary>Settings of a <see cref="TextClassificationTrainer"/>; copied when the trainer is created.</summary>
    public sealed class Options : TextPairTrainerOptions
    {
        /// <summary>Output column with the most probable class. The default is "PredictedLabel".</summary>
        [Required]
        public string PredictionColumnName { get; set; } = "PredictedLabel";

        /// <summary>
        /// What a text-to-text model (T5) reads for a row. Null (the default) takes the text alone, or for pairs "sentence1: … sentence2: …".
        /// </summary>
        public PromptTemplate? Prompt { get; set; }

        /// <summary>
        /// What a text-to-text model (T5) answers for each class, in the order of the label's keys. Null (the default) takes the key values.
        /// </summary>
        public IReadOnlyList<string>? LabelWords { get; set; }

        /// <summary>
        /// How often training rows of each class count, beside <see cref="FineTuningOptions.ExampleWeightColumnName"/>; null (the default) for once. <see cref="NaturalGradient.ClassWeights.Balanced"/> is for classes of very
        /// different sizes that matter alike: rare ones are found more often, at the cost of probabilities that no longer say how frequent they are.
        /// </summary>
        public ClassWeights? ClassWeights { get => WeightsOfClasses; set => WeightsOfClasses = value; }

        /// <summary>
        /// Whether probabilities are calibrated when the training ends: outputs are divided by the temperature for which the validation rows, of which 10 are needed, have the least loss; where nearly all of them are predicted right
        /// there is none, and probabilities stay as they are. The most probable class stays the same. The temperature is saved with the model. The default is false.
        /// </summary>
        public bool Calibrate { get; set; }

        /// <summary>
        /// The probability that the most probable class of a row needs to be predicted, from 0 to 1; rows where it has less get the missing key, for "none of these", while their scores stay. The
        /// default is 0: every row gets a class. It is saved with the model.
        /// </summary>
        [Range(0d, 1d, ErrorMessage = "Use a probability from 0 to 1, for example 0.5, or 0 for no threshold.")]
        public float ScoreThreshold { get; set; }

        internal TextToTextSettings TextToText => new(Prompt, LabelWords);

        private protected override string PredictedLabel => PredictionColumnName;

        private protected override LabelKind LabelKind => LabelKind.Class;

        internal override void Validate()
        {
            base.Validate();
            Prompt?.Check(Sentence2ColumnName is not null);
            if (Calibrate && ValidationSet is null && ValidationSetFraction == 0)
            {
                throw new ArgumentException("Calibrate is set, but there are no validation rows to calibrate on. Set ValidationSet or ValidationSetFraction.", nameof(Calibrate));
            }
        }
    }
}
