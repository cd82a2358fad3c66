using Samples;

namespace TextTasksSample;

/// <summary>A question, the text that has its answer, and the answer.</summary>
internal sealed class AskedQuestion
{
    private const int Every = 4;

    public string Context { get; set; } = "";

    public string Question { get; set; } = "";

    public string TrainingAnswer { get; set; } = "";

    public int AnswerIndex { get; set; }

    /// <summary>Reads the shipped questions, or the user's own file; all questions of the last text of every four are kept for the test.</summary>
    /// <exception cref="UsageException">An answer does not stand where the file says, or there are too few texts.</exception>
    public static DataParts<AskedQuestion> Read(TaskOptions options)
    {
        var path = options.DataPath ?? DataTable.Shipped("questions.tsv");
        var rows = Read(new DataTable(path, options.Encoding));
        var texts = rows.Select(row => row.Context).Distinct().ToArray();
        if (texts.Length < Every)
        {
            throw new UsageException($"\"{path}\" has questions on {texts.Length} texts only. At least {Every} are needed, of which one is for the test.");
        }

        var test = texts.Where((_, i) => i % Every == Every - 1).ToHashSet();
        return new([.. rows.Where(row => !test.Contains(row.Context))], [.. rows.Where(row => test.Contains(row.Context))]);
    }

    private static AskedQuestion[] Read(DataTable table) => [.. table.Read("Context", "Question", "Answer", "AnswerStart").Select((row, i) =>
    {
        var question = new AskedQuestion { Context = row[0], Question = row[1], TrainingAnswer = row[2], AnswerIndex = table.Place(row[3], i) };
        return question.Context.AsSpan(Math.Min(question.AnswerIndex, question.Context.Length)).StartsWith(question.TrainingAnswer, StringComparison.Ordinal)
            ? question
            : throw new UsageException($"Row {i + 1} of \"{table.FilePath}\": the answer \"{question.TrainingAnswer}\" does not stand at place {question.AnswerIndex} of the context, counted from 0.");
    })];
}
