using System.Text.Json;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Reads how an added token is matched from its JSON object.</summary>
internal static class AddedTokenReader
{
    /// <summary>Adds the flags of an object to a token.</summary>
    /// <param name="token">Spelling and id.</param>
    /// <param name="value">The object; flags that are missing are off.</param>
    /// <param name="where">The token, in words for error messages.</param>
    /// <exception cref="InvalidDataException">A flag is not true or false, or asks for something that is not supported.</exception>
    public static AddedToken Flags(AddedToken token, JsonElement value, string where)
    {
        if (Flag("single_word"))
        {
            throw new InvalidDataException($"single_word is set for {where}, which is not supported. Choose a model without such tokens.");
        }

        return token with { TakesSpaceBefore = Flag("lstrip"), TakesSpaceAfter = Flag("rstrip"), Cleaned = Flag("normalized") };

        bool Flag(string name) => value.TryGetProperty(name, out var flag) && flag.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False or JsonValueKind.Null => false,
            _ => throw new InvalidDataException($"\"{name}\" of {where} is {flag.GetRawText()} but should be true or false. Correct the file."),
        };
    }
}
