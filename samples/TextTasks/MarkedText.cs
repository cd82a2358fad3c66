using Spectre.Console;

namespace TextTasksSample;

/// <summary>Shows texts with marked parts on the terminal, a color for each mark; the marks stand in brackets too, for outputs without colors.</summary>
/// <param name="marks">Marks that get colors of their own.</param>
internal sealed class MarkedText(IReadOnlyList<string> marks)
{
    private static readonly Color[] Palette = [Color.Aqua, Color.Lime, Color.Yellow, Color.Fuchsia, Color.Orange1, Color.DodgerBlue1, Color.Salmon1];

    /// <summary>Writes a text; what looks like markup in it is written as it is.</summary>
    public void Write(IEnumerable<TextPart> parts)
    {
        var paragraph = new Paragraph();
        foreach (var (text, mark) in parts)
        {
            if (mark is null)
            {
                paragraph.Append(text);
                continue;
            }

            paragraph.Append(text, new Style(ColorOf(mark), decoration: Decoration.Bold));
            paragraph.Append($" [{mark}]", new Style(ColorOf(mark), decoration: Decoration.Dim));
        }

        AnsiConsole.Write(new Padder(paragraph, new Padding(2, 0, 0, 0)));
        AnsiConsole.WriteLine();
    }

    private Color ColorOf(string mark) => Palette[(marks.ToList().IndexOf(mark) + Palette.Length) % Palette.Length];
}
