using ScottPlot;

namespace Samples;

/// <summary>A font of our own: a bare machine has none, and the pictures would come out without a letter.</summary>
internal static class ChartFont
{
    private const string Name = "DejaVu Sans Latin";

    /// <summary>Where the font's file is beside the program.</summary>
    public static string FilePath => Path.Combine(AppContext.BaseDirectory, "Fonts", "DejaVuSans-Latin.ttf");

    /// <summary>Makes it the font of all charts.</summary>
    public static void Use()
    {
        Fonts.AddFontFile(Name, FilePath, bold: false, italic: false);
        Fonts.AddFontFile(Name, FilePath, bold: true, italic: false);
        Fonts.Default = Name;
    }
}
