namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>An entity.</summary>
/// <param name="Start">Its first word.</param>
/// <param name="End">The word after its last.</param>
/// <param name="Type">Its type.</param>
internal readonly record struct EntitySpan(int Start, int End, string Type)
{
    /// <summary>Finds the entities of a row.</summary>
    /// <param name="tags">Tags of its words.</param>
    /// <param name="found">Gets the entities, in the order of the words; what was in it before is removed.</param>
    public static void Find(IReadOnlyList<EntityTag> tags, List<EntitySpan> found)
    {
        found.Clear();
        var (previous, start) = (EntityTag.Outside, 0);
        for (var word = 0; word <= tags.Count; word++)
        {
            var tag = word < tags.Count ? tags[word] : EntityTag.Outside;
            if (!tag.Continues(previous))
            {
                if (previous.Part != EntityPart.Outside)
                {
                    found.Add(new EntitySpan(start, word, previous.Type));
                }

                start = word;
            }

            previous = tag;
        }
    }
}
