using Samples;
using SkiaSharp;

namespace ImageClassificationSample;

/// <summary>A sheet of wrongly classified pictures with their true and predicted classes.</summary>
internal static class MistakeSheet
{
    private const int MostPictures = 24;
    private const int Columns = 6;
    private const int Side = 112;
    private const int Gap = 16;
    private const int CellWidth = 144;
    private const int LineHeight = 17;
    private const int CellHeight = Side + (3 * LineHeight);

    /// <summary>Draws the mistakes that the model is surest of.</summary>
    /// <returns>Whether there are any; otherwise no file is written.</returns>
    public static bool Save(IReadOnlyList<ScoredPicture> predictions, string path)
    {
        var mistakes = predictions.Where(prediction => prediction.IsMistake)
            .OrderByDescending(prediction => prediction.Probability).Take(MostPictures).ToArray();
        if (mistakes.Length == 0)
        {
            return false;
        }

        var columns = Math.Min(Columns, mistakes.Length);
        var rows = (mistakes.Length + Columns - 1) / Columns;
        using var sheet = new SKBitmap((columns * (CellWidth + Gap)) + Gap, (rows * (CellHeight + Gap)) + Gap);
        using var canvas = new SKCanvas(sheet);
        canvas.Clear(SKColors.White);
        using var typeface = SKTypeface.FromFile(ChartFont.FilePath);
        using var font = new SKFont(typeface, 13);
        for (var i = 0; i < mistakes.Length; i++)
        {
            Draw(canvas, font, mistakes[i], Gap + (i % Columns * (CellWidth + Gap)), Gap + (i / Columns * (CellHeight + Gap)));
        }

        canvas.Flush();
        using var file = File.Create(path);
        sheet.Encode(file, SKEncodedImageFormat.Png, 100);
        return true;
    }

    private static void Draw(SKCanvas canvas, SKFont font, ScoredPicture mistake, float left, float top)
    {
        using var picture = SKImage.FromEncodedData(mistake.ImagePath)
            ?? throw new UsageException($"The picture \"{mistake.ImagePath}\" cannot be read any more.");
        var scale = (float)Side / Math.Max(picture.Width, picture.Height);
        var (width, height) = (picture.Width * scale, picture.Height * scale);
        var place = SKRect.Create(left + ((CellWidth - width) / 2), top + ((Side - height) / 2), width, height);
        canvas.DrawImage(picture, place, new SKSamplingOptions(SKCubicResampler.Mitchell));
        using var black = new SKPaint { Color = SKColors.Black, IsAntialias = true };
        using var red = new SKPaint { Color = SKColors.Firebrick, IsAntialias = true };
        var middle = left + (CellWidth / 2f);
        canvas.DrawText(Shorten($"is {mistake.Label}", font), middle, top + Side + LineHeight, SKTextAlign.Center, font, black);
        canvas.DrawText(Shorten($"not {mistake.PredictedLabel}", font), middle, top + Side + (2 * LineHeight), SKTextAlign.Center, font, red);
        canvas.DrawText($"{mistake.Probability:P0} sure", middle, top + Side + (3 * LineHeight), SKTextAlign.Center, font, red);
    }

    /// <summary>A long name ends in two dots where its cell ends.</summary>
    private static string Shorten(string text, SKFont font)
    {
        if (font.MeasureText(text) <= CellWidth)
        {
            return text;
        }

        while (text.Length > 1 && font.MeasureText(text + "..") > CellWidth)
        {
            text = text[..^(char.IsLowSurrogate(text[^1]) ? 2 : 1)];
        }

        return text + "..";
    }
}
