namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>One place of a <see cref="SequenceTemplate"/>.</summary>
/// <param name="Slot">What stands there.</param>
/// <param name="Id">Id of the special token; 0 for a text.</param>
/// <param name="TypeId">Segment of all its tokens.</param>
internal readonly record struct TemplatePart(TemplateSlot Slot, int Id, int TypeId);
