using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

public sealed partial class QuestionAnswerTrainer
{
    /// <summary>Settings of a <see cref="QuestionAnswerTrainer"/>; copied when the trainer is created.</summary>
    public sealed class Options : TextTrainerOptions
    {
        /// <summary>Creates the default settings.</summary>
        public Options()
        {
            Sentence1ColumnName = "Question";
            Sentence2ColumnName = "Context";
            LabelColumnName = "TrainingAnswer";
            BatchSize = 4;
        }

        /// <summary>Column with the text that has the answer. The default is "Context".</summary>
        [Required]
        public string ContextColumnName { get => Sentence2ColumnName!; set => Sentence2ColumnName = value; }

        /// <summary>Column with the question. The default is "Question".</summary>
        [Required]
        public string QuestionColumnName { get => Sentence1ColumnName; set => Sentence1ColumnName = value; }

        /// <summary>Column with the answer of training rows. The default is "TrainingAnswer".</summary>
        [Required]
        public string TrainingAnswerColumnName { get => LabelColumnName; set => LabelColumnName = value; }

        /// <summary>Column with where the answer of training rows begins in the context, in UTF-16 units from 0. The default is "AnswerIndex".</summary>
        [Required]
        public string AnswerIndexColumnName { get; set; } = "AnswerIndex";

        /// <summary>Output column with the answers that are found. The default is "Answer".</summary>
        [Required]
        public string PredictedAnswerColumnName { get; set; } = "Answer";

        /// <summary>Most answers to a question, at least 1. The default is 3.</summary>
        [Range(1, 1000, ErrorMessage = "Use 1 to 1000 answers, for example 3.")]
        public int TopKAnswers { get; set; } = 3;

        /// <summary>Most tokens of an answer that is looked for, at least 1. The default is 30.</summary>
        [Range(1, 1000, ErrorMessage = "Use 1 to 1000 tokens, for example 30.")]
        public int MaxAnswerTokens { get; set; } = 30;

        /// <summary>Whether a training row whose answer does not stand where its index says is an error that names the row. The default is false: such rows are skipped and counted.</summary>
        public bool Strict { get; set; }

        internal AnswerColumns AnswerColumns => new(Target, Sentence1ColumnName, Sentence2ColumnName!, AnswerIndexColumnName);

        internal override TextColumns Columns => AnswerColumns;

        private protected override string PredictedLabel => PredictedAnswerColumnName;

        private protected override LabelKind LabelKind => LabelKind.Answer;

        internal override void Validate()
        {
            base.Validate();
            ArgumentNullException.ThrowIfNull(Sentence2ColumnName, nameof(ContextColumnName));
            if (FewShot)
            {
                throw new ArgumentException("FewShot compares whole texts, which have one class each. Set it to false to find answers.", nameof(FewShot));
            }
        }
    }
}
