using System.Text.Json.Nodes;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>What <c>tokenizer.json</c> says of a tokenizer besides its tokens and their places.</summary>
/// <param name="Normalizer">How text is cleaned; null for not at all.</param>
/// <param name="Words">How it is divided into words.</param>
/// <param name="Model">Makes the description of how words are spelled, vocabulary included.</param>
internal sealed record TokenizerJsonParts(JsonObject? Normalizer, JsonObject Words, Func<JsonObject> Model);
