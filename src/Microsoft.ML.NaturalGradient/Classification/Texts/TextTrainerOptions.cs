using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the trainers for texts share; copied when a trainer is created.</summary>
public abstract class TextTrainerOptions : FineTuningOptions
{
    internal const int FewestTokens = 8;

    private protected TextTrainerOptions()
        : base(PretrainedModel.DefaultForTexts)
    {
    }

    /// <summary>Passes over the training rows, at least 1. The default is 10, or 4 where classes are trained with <see cref="FineTuningOptions.FewShot"/>.</summary>
    [Range(1, int.MaxValue, ErrorMessage = "Use at least 1 epoch.")]
    public int MaxEpoch { get => EpochCount; set => EpochCount = value; }

    /// <summary>When to stop before the last epoch; null (the default) for never. Needs validation rows.</summary>
    public EarlyStopping? EarlyStopping { get => Stopping; set => Stopping = value; }

    /// <summary>
    /// Most tokens of a row, from 8 to what the network reads; longer texts lose their end, but for tags and answers they are read in windows that overlap. Null (the default) takes 256, or fewer where the model or
    /// its tokenizer's files say fewer; with an adapter that was saved with its tokenizer, what that says.
    /// </summary>
    [Range(FewestTokens, int.MaxValue, ErrorMessage = "Use at least 8 tokens, or null for the default.")]
    public int? MaxSequenceLength { get; set; }

    internal override string EpochCountName => nameof(MaxEpoch);

    internal abstract override TextColumns Columns { get; }

    internal override void Validate()
    {
        base.Validate();
        if (ValidationSet is not null && ValidationSetFraction > 0)
        {
            throw new ArgumentException("Both ValidationSet and ValidationSetFraction are set. Set one of them.", nameof(ValidationSet));
        }

        if (EarlyStopping is not null && ValidationSet is null && ValidationSetFraction == 0)
        {
            throw new ArgumentException(
                "EarlyStopping is set, but there are no validation rows to watch. Set ValidationSet or ValidationSetFraction.", nameof(EarlyStopping));
        }
    }
}
