namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What the tag of a word says.</summary>
/// <param name="Part">Where in an entity the word is.</param>
/// <param name="Type">Type of the entity; empty outside of any and where tags have none.</param>
internal readonly record struct EntityTag(EntityPart Part, string Type)
{
    private const string MLNetOutside = "0"; // in ML.NET's samples

    /// <summary>A word that is in no entity.</summary>
    public static EntityTag Outside { get; } = new(EntityPart.Outside, "");

    /// <summary>Reads a tag: a letter, a hyphen and a type; a letter alone; or a type alone, each word of which is inside.</summary>
    /// <remarks>Letters of IOB1, IOB2, IOBES, BILOU, BMES and BMEWO. Everything after the first hyphen is the type, as in conlleval.</remarks>
    /// <param name="text">The tag.</param>
    public static EntityTag Parse(string text)
    {
        if (text == MLNetOutside)
        {
            return Outside;
        }

        if (text.Length == 0 || (text.Length > 1 && text[1] != '-') || PartOf(text[0]) is not { } part)
        {
            return new EntityTag(EntityPart.Inside, text);
        }

        return part == EntityPart.Outside ? Outside : new EntityTag(part, text.Length < 2 ? "" : text[2..]);
    }

    /// <summary>Whether the word belongs to the same entity as the word before.</summary>
    /// <param name="previous">Tag of the word before.</param>
    public bool Continues(EntityTag previous) =>
        Part is EntityPart.Inside or EntityPart.End && previous.Part is EntityPart.Begin or EntityPart.Inside && Type == previous.Type;

    private static EntityPart? PartOf(char letter) => letter switch
    {
        'O' => EntityPart.Outside,
        'B' => EntityPart.Begin,
        'I' or 'M' => EntityPart.Inside,
        'E' or 'L' => EntityPart.End,
        'S' or 'U' or 'W' => EntityPart.Single,
        _ => null,
    };
}
