using Microsoft.ML.NaturalGradient.Evaluation;

namespace Microsoft.ML.NaturalGradient;

/// <summary>How well named entities are found: what <c>EvaluateNamedEntities</c> returns.</summary>
/// <remarks>
/// <para>A predicted entity is right if there is a labelled one of the same type with the same first and last word. Entities are read from tags by the rule of
/// conlleval, the program of the CoNLL-2000 to 2003 tasks (Tjong Kim Sang and Buchholz, CoNLL 2000): a word begins an entity if its tag says so (B), if the word before is in none, or
/// if the types differ. So IOB1 and IOB2 need not be told apart, and tags in an order that they should not have still have a meaning. E and L end an entity after their word, S, U and W
/// are entities of one word: IOBES, BILOU, BMES and BMEWO, of which conlleval itself has E only.</para>
/// <para>A tag that is only a type, such as <c>PERSON</c>, is read as inside: words of the same type in a row are one entity. (conlleval has an option for such tags, with which each word is an entity.)
/// A word that is in no entity has the tag <c>O</c>, or <c>0</c> as in ML.NET's samples; nothing else.</para>
/// <para>Micro means: all entities count alike. Ratios of nothing to nothing are 0.</para>
/// </remarks>
public sealed class NamedEntityMetrics
{
    internal NamedEntityMetrics()
    {
    }

    /// <summary>Share of the predicted entities that are right.</summary>
    /// <value>From 0 to 1; 0 where none was predicted.</value>
    public double Precision { get; internal init; }

    /// <summary>Share of the labelled entities that were found.</summary>
    /// <value>From 0 to 1; 0 where there is none.</value>
    public double Recall { get; internal init; }

    /// <summary>Harmonic mean of <see cref="Precision"/> and <see cref="Recall"/>: 2 · correct / (labelled + predicted).</summary>
    /// <value>From 0 to 1; 0 where both are.</value>
    public double F1 { get; internal init; }

    /// <summary>Mean of <see cref="EntityTypeMetrics.F1"/> over the types in <see cref="PerType"/>, however rare each is.</summary>
    /// <value>From 0 to 1; 0 where there is no entity at all.</value>
    public double MacroF1 { get; internal init; }

    /// <summary>Share of the words with a label whose tag is right, those in no entity too.</summary>
    /// <value>From 0 to 1. Often close to 1 for a model that finds nothing, since most words are in no entity.</value>
    public double TagAccuracy { get; internal init; }

    /// <summary>Labelled entities.</summary>
    public long EntityCount { get; internal init; }

    /// <summary>Predicted entities.</summary>
    public long PredictedCount { get; internal init; }

    /// <summary>Predicted entities that are right.</summary>
    public long CorrectCount { get; internal init; }

    /// <summary>The same for each type that was labelled or predicted, in the order of the names; the name is empty where tags have no type.</summary>
    public IReadOnlyDictionary<string, EntityTypeMetrics> PerType { get; internal init; } = new Dictionary<string, EntityTypeMetrics>();

    /// <summary>The metrics as a table with a line for each type.</summary>
    public override string ToString() => TextTable.Format(
        ["type", "precision", "recall", "F1", "entities", "predicted", "correct"],
        PerType.Select(type => new object[]
        {
            type.Key, type.Value.Precision, type.Value.Recall, type.Value.F1, type.Value.EntityCount, type.Value.PredictedCount, type.Value.CorrectCount,
        }).Append(["(all)", Precision, Recall, F1, EntityCount, PredictedCount, CorrectCount]));
}
