using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class SentenceSimilarityTrainer
{
    /// <summary>Settings of a <see cref="SentenceSimilarityTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is a number of type <see cref="float"/>.</remarks>
    public sealed class Options : TextPairTrainerOptions
    {
        /// <summary>Creates the default settings.</summary>
        public Options()
        {
            Sentence2ColumnName = "Sentence2";
        }

        private protected override LabelKind LabelKind => LabelKind.Number;

        internal override void Validate()
        {
            base.Validate();
            ArgumentNullException.ThrowIfNull(Sentence2ColumnName);
            RegressionTask.CheckStopping(EarlyStopping);
        }
    }
}
