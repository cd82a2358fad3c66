using System.ComponentModel.DataAnnotations;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient;

/// <summary>Settings that the trainers for a text or a pair of texts share; copied when a trainer is created.</summary>
public abstract class TextPairTrainerOptions : TextTrainerOptions
{
    private protected TextPairTrainerOptions()
    {
    }

    /// <summary>Column with the text. The default is "Sentence1".</summary>
    [Required]
    public string Sentence1ColumnName { get; set; } = "Sentence1";

    /// <summary>
    /// Column with the second text of a pair; null for single texts. The default is null, but "Sentence2" in
    /// sentence similarity.
    /// </summary>
    public string? Sentence2ColumnName { get; set; }

    internal override TextColumns Columns => new(Target, Sentence1ColumnName, Sentence2ColumnName);
}
