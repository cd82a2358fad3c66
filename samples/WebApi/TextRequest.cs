using System.ComponentModel.DataAnnotations;

namespace WebApiSample;

/// <summary>A text to classify.</summary>
/// <param name="Text">At most 10,000 characters, not all of them blank; the model reads its beginning, 256 tokens.</param>
public sealed record TextRequest([property: Required, StringLength(10_000)] string Text);
