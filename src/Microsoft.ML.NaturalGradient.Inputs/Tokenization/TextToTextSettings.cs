namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>How a text-to-text model is asked, as far as the user says it.</summary>
/// <param name="Prompt">What the model reads for a row; null for the texts alone.</param>
/// <param name="LabelWords">What it answers for each class, in the order of the keys; null for the key values.</param>
internal sealed record TextToTextSettings(PromptTemplate? Prompt, IReadOnlyList<string>? LabelWords)
{
    /// <summary>Nothing said.</summary>
    public static TextToTextSettings None { get; } = new(null, null);

    /// <summary>Takes what is not said from other settings.</summary>
    /// <param name="others">The other settings.</param>
    /// <param name="classCount">Classes; other words than as many do not fit.</param>
    public TextToTextSettings OrElse(TextToTextSettings others, int classCount) =>
        new(Prompt ?? others.Prompt, LabelWords ?? (others.LabelWords?.Count == classCount ? others.LabelWords : null));

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="reader">The model stream.</param>
    public static TextToTextSettings Load(BinaryReader reader)
    {
        var prompt = reader.ReadBoolean() ? new PromptTemplate(reader.ReadString()) : null;
        var count = reader.ReadInt32();
        return new TextToTextSettings(prompt, count < 0 ? null : [.. Enumerable.Range(0, count).Select(_ => reader.ReadString())]);
    }

    /// <summary>Writes the settings.</summary>
    /// <param name="writer">The model stream.</param>
    public void Save(BinaryWriter writer)
    {
        writer.Write(Prompt is not null);
        if (Prompt is not null)
        {
            writer.Write(Prompt.Text);
        }

        writer.Write(LabelWords?.Count ?? -1);
        foreach (var word in LabelWords ?? [])
        {
            writer.Write(word);
        }
    }

    /// <summary>The prompt to use.</summary>
    /// <param name="hasPair">Whether rows have a second text.</param>
    /// <exception cref="ArgumentException">The prompt does not fit the columns.</exception>
    public PromptTemplate PromptFor(bool hasPair)
    {
        Prompt?.Check(hasPair);
        return Prompt ?? PromptTemplate.Default(hasPair);
    }

    /// <summary>The words to use.</summary>
    /// <param name="names">Names of the classes.</param>
    /// <exception cref="ArgumentException">There are not as many words as classes, or one is null.</exception>
    public IReadOnlyList<string> WordsFor(IReadOnlyList<string> names) => LabelWords is null || (LabelWords.Count == names.Count && !LabelWords.Contains(null!))
        ? LabelWords ?? names
        : throw new ArgumentException(
            $"There are {LabelWords.Count(word => word is not null)} LabelWords, but {names.Count} classes: {string.Join(", ", names)}. Give one for each, in this order.");

    /// <summary>Throws when something is set although the model is no text-to-text model.</summary>
    /// <exception cref="ArgumentException">Something is set.</exception>
    public void CheckUnused()
    {
        if (Prompt is not null || LabelWords is not null)
        {
            throw new ArgumentException(
                $"{(Prompt is not null ? "Prompt" : "LabelWords")} is set, but the model is an encoder, which answers with a classification head. "
                + "Leave it null, or use a text-to-text model such as T5.");
        }
    }
}
