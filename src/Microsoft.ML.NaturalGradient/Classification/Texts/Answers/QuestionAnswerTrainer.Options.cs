using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class QuestionAnswerTrainer
{
    /// <summary>Settings of a <see cref="QuestionAnswerTrainer"/>; copied when the trainer is created.</summary>
    /// <remarks>The label is the answer of training rows, a text: <see cref="FineTuningOptions.LabelColumnName"/> is "TrainingAnswer" unless told otherwise. <see cref="FineTuningOptions.BatchSize"/> is 16.</remarks>
    public sealed class Options : TextTrainerOptions
    {
        /// <summary>Creates the default settings.</summary>
        public Options()
        {
            LabelColumnName = "TrainingAnswer";
            BatchSize = 16;
        }

        /// <summary>Column with the text that has the answer. The default is "Context".</summary>
        [Required]
        public string ContextColumnName { get; set; } = "Context";

        /// <summary>Column with the question. The default is "Question".</summary>
        [Required]
        public string QuestionColumnName { get; set; } = "Question";

        /// <summary>Column with where the answer of training rows begins in the context, in UTF-16 units from 0. The default is "AnswerIndex".</summary>
        [Required]
        public string AnswerIndexColumnName { get; set; } = "AnswerIndex";

        /// <summary>Output column with the answers that are found. The default is "Answer".</summary>
        [Required]
        public string PredictedAnswerColumnName { get; set; } = "Answer";

        /// <summary>Most answers to a question, from 1 to 1000. The default is 3.</summary>
        [Range(1, 1000, ErrorMessage = "Use 1 to 1000 answers, for example 3.")]
        public int TopKAnswers { get; set; } = 3;

        /// <summary>Most tokens of an answer that is looked for, from 1 to 1000. The default is 30.</summary>
        [Range(1, 1000, ErrorMessage = "Use 1 to 1000 tokens, for example 30.")]
        public int MaxAnswerTokens { get; set; } = 30;

        /// <summary>Whether a training row whose answer does not stand where its index says is an error that names the row. The default is false: such rows are skipped and counted.</summary>
        public bool Strict { get; set; }

        internal AnswerColumns AnswerColumns => new(Target, QuestionColumnName, ContextColumnName, AnswerIndexColumnName);

        internal override TextColumns Columns => AnswerColumns;

        internal override string WhyUnlabelled =>
            $"have no answer, or one that does not stand in the context at its index. Check the columns '{LabelColumnName}' and '{AnswerIndexColumnName}', which counts UTF-16 units from 0; Strict = true says of the first where it does stand.";

        private protected override string PredictedLabel => PredictedAnswerColumnName;

        private protected override LabelKind LabelKind => LabelKind.Answer;

        internal override void Validate()
        {
            base.Validate();
            if (FewShot)
            {
                throw new ArgumentException("FewShot compares whole texts, which have one class each. Set it to false to find answers.", nameof(FewShot));
            }
        }
    }
}
