using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class MultiLabelClassificationTrainer
{
    /// <summary>Settings of a <see cref="MultiLabelClassificationTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is a vector of keys.</remarks>
    public sealed class Options : TextPairTrainerOptions
    {
        /// <summary>Output column with the predicted classes. The default is "PredictedLabels".</summary>
        [Required]
        public string PredictionColumnName { get; set; } = "PredictedLabels";

        /// <summary>The probability from which a class is predicted, from 0 to 1. The default is 0.5.</summary>
        [Range(0d, 1d, ErrorMessage = "Use a probability from 0 to 1, for example 0.5.")]
        public float Threshold { get; set; } = 0.5f;

        /// <summary>
        /// Whether the threshold of each class is chosen anew when the training ends: the one with the highest F1 on the validation rows, of which 10 are needed. Classes that no validation row has keep
        /// <see cref="Threshold"/>. The thresholds are saved with the model. The default is false.
        /// </summary>
        public bool ChooseThresholds { get; set; }

        private protected override string PredictedLabel => PredictionColumnName;

        private protected override LabelKind LabelKind => LabelKind.Classes;

        internal override void Validate()
        {
            base.Validate();
            if (ChooseThresholds && ValidationSet is null && ValidationSetFraction == 0)
            {
                throw new ArgumentException("ChooseThresholds is set, but there are no validation rows to choose by. Set ValidationSet or ValidationSetFraction.", nameof(ChooseThresholds));
            }

            if (FewShot)
            {
                throw new ArgumentException("FewShot compares texts that have one class each. Set it to false for several classes at once.", nameof(FewShot));
            }
        }
    }
}
