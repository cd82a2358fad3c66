using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Models.T5;
using Microsoft.ML.NaturalGradient.Pipelines;

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

        internal TextToTextSettings TextToText => new(Prompt, LabelWords);

        private protected override string PredictedLabel => PredictionColumnName;

        private protected override LabelKind LabelKind => LabelKind.Class;

        internal override void Validate()
        {
            base.Validate();
            Prompt?.Check(Sentence2ColumnName is not null);
        }
    }
}
