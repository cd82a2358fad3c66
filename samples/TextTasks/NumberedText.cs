namespace TextTasksSample;

/// <summary>A text with a number.</summary>
internal sealed class NumberedText
{
    public float Label { get; set; }

    public string Text { get; set; } = "";

    /// <summary>Reads the user's own file, or makes numbers of the labels of the shipped comments.</summary>
    public static DataParts<NumberedText> Read(TaskOptions options)
    {
        if (options.DataPath is { } path)
        {
            var table = new DataTable(path, options.Encoding);
            return DataParts<NumberedText>.Divide([.. table.Read("Label", "Text").Select((row, i) => new NumberedText { Label = table.Number(row[0], i), Text = row[1] })], path);
        }

        var comments = LabelledComment.Shipped();
        return new([.. comments.Training.Select(Number)], [.. comments.Test.Select(Number)]);
    }

    /// <summary>How pleased a comment sounds, by its emotions: 1 for joy, less 1 for each of sadness, anger, fear and disgust.</summary>
    public static int Valence(IEnumerable<string> emotions) => emotions.Sum(emotion => emotion switch
    {
        "joy" => 1,
        "sadness" or "anger" or "fear" or "disgust" => -1,
        _ => 0,
    });

    private static NumberedText Number(LabelledComment comment) => new() { Label = Valence(comment.Label), Text = comment.Text };
}
