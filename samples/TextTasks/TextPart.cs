namespace TextTasksSample;

/// <summary>A part of a text, with a mark or without.</summary>
/// <param name="Text">The part; control characters are replaced, which could tell a terminal to do something.</param>
/// <param name="Mark">What is said of it; null for nothing.</param>
internal readonly record struct TextPart(string Text, string? Mark)
{
    /// <summary>Divides a text at marked places.</summary>
    /// <param name="text">The text.</param>
    /// <param name="marks">Places with what is said of each, from the beginning of the text to its end; they do not overlap.</param>
    /// <returns>Parts that are the text when put together.</returns>
    public static IReadOnlyList<TextPart> Divide(string text, IEnumerable<(int Start, int Length, string Mark)> marks)
    {
        List<TextPart> parts = [];
        var done = 0;
        foreach (var (start, length, mark) in marks)
        {
            Add(text[done..start], null);
            Add(text.Substring(start, length), mark);
            done = start + length;
        }

        Add(text[done..], null);
        return parts;

        void Add(string part, string? mark)
        {
            if (part.Length > 0)
            {
                parts.Add(new TextPart(string.Concat(part.Select(letter => char.IsControl(letter) ? ' ' : letter)), mark));
            }
        }
    }
}
