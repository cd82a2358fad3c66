using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class NamedEntityRecognitionTrainer
{
    /// <summary>Settings of a <see cref="NamedEntityRecognitionTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is a vector of keys.</remarks>
    public sealed class Options : TextTrainerOptions
    {
        /// <summary>Column with the text, whose words stand between white space, or with a vector of its words. The default is "Sentence".</summary>
        [Required]
        public string Sentence1ColumnName { get; set; } = "Sentence";

        /// <summary>Output column with the predicted tags. The default is "PredictedLabel".</summary>
        [Required]
        public string PredictionColumnName { get; set; } = "PredictedLabel";

        /// <summary>
        /// What the names of four output columns with the names that were found begin with; null (the default) for no such columns. With "Entities" they are Entities.Start, Entities.Length,
        /// Entities.Type and Entities.Score.
        /// </summary>
        public string? EntitiesColumnName { get; set; }

        internal override TextColumns Columns => new(Target, Sentence1ColumnName, null) { AllowsWords = true };

        private protected override string PredictedLabel => PredictionColumnName;

        private protected override LabelKind LabelKind => LabelKind.Tags;

        private protected override string? Spans => EntitiesColumnName;

        internal override void Validate()
        {
            base.Validate();
            if (FewShot)
            {
                throw new ArgumentException("FewShot compares whole texts, which have one class each. Set it to false to tag words.", nameof(FewShot));
            }
        }
    }
}
