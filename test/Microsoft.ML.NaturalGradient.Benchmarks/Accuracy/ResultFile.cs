using System.Text.Json;
using Samples;

namespace Microsoft.ML.NaturalGradient.Benchmarks.Accuracy;

/// <summary>A file of results, one line of JSON for each run.</summary>
internal static class ResultFile
{
    /// <summary>Reads what is there. Makes the file where there is none, since a file that cannot be written should not cost a run.</summary>
    /// <param name="file">The file.</param>
    /// <typeparam name="T">What a line holds.</typeparam>
    /// <exception cref="UsageException">A line is no such result.</exception>
    public static List<T> Read<T>(string file)
    {
        File.AppendAllText(file, "");
        return [.. File.ReadLines(file).Select((line, i) =>
        {
            try
            {
                return JsonSerializer.Deserialize<T>(line)!;
            }
            catch (JsonException e)
            {
                throw new UsageException($"Line {i + 1} of \"{file}\" is no result of this command: {e.Message}");
            }
        })];
    }
}
