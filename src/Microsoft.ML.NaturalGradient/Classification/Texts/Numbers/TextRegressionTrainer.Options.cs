using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class TextRegressionTrainer
{
    /// <summary>Settings of a <see cref="TextRegressionTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is a number of type <see cref="float"/>.</remarks>
    public sealed class Options : TextPairTrainerOptions
    {
        private protected override LabelKind LabelKind => LabelKind.Number;

        internal override void Validate()
        {
            base.Validate();
            RegressionTask.CheckStopping(EarlyStopping);
        }
    }
}
