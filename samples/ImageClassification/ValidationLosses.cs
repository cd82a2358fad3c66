using System.Globalization;

namespace ImageClassificationSample;

/// <summary>The validation losses of a run, in a file beside its checkpoints: a run that goes on reports only the epochs that were left.</summary>
internal sealed class ValidationLosses
{
    private const string FileName = "validation-losses.txt";

    private readonly string _path;

    /// <summary>Opens the file; begins anew unless the run goes on.</summary>
    public ValidationLosses(string folder, bool resume)
    {
        _path = Path.Combine(Directory.CreateDirectory(folder).FullName, FileName);
        File.WriteAllLines(_path, resume && File.Exists(_path) ? File.ReadAllLines(_path) : []);
    }

    /// <summary>Of the epoch whose weights training keeps; the test pictures have no part in the choice.</summary>
    public double Lowest => File.ReadLines(_path).Select(line => double.Parse(line, CultureInfo.InvariantCulture)).DefaultIfEmpty(double.PositiveInfinity).Min();

    /// <summary>Notes the loss of a report, if it has one; an epoch that is trained twice has the same one twice.</summary>
    public void Add(double? loss)
    {
        if (loss is { } number && double.IsFinite(number))
        {
            File.AppendAllLines(_path, [number.ToString("R", CultureInfo.InvariantCulture)]);
        }
    }
}
