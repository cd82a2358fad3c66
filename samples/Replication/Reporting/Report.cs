using System.Globalization;
using System.Text;
using System.Text.Json;

namespace ReplicationSample;

/// <summary>Writes what the finished cells of an output folder say: tables, CSV, JSON and pictures.</summary>
internal static class Report
{
    /// <summary>Writes all files and prints the tables.</summary>
    /// <param name="store">The finished cells.</param>
    /// <returns>The files.</returns>
    public static IReadOnlyList<string> Write(CellStore store)
    {
        var cells = store.ReadAll();
        var summary = new StringBuilder("# Summary\n");
        var (files, names) = (new List<string>(), new ReportNames());
        foreach (var experiment in cells.GroupBy(cell => (cell.Kind, cell.Study ?? cell.Experiment)).OrderBy(group => group.Key))
        {
            var groups = experiment.GroupBy(cell => cell.Study ?? cell.GroupKey).ToArray();
            foreach (var group in groups)
            {
                var (kind, name) = experiment.Key;
                var path = Path.Combine(store.Folder, names.Next(kind, name, groups.Length > 1 ? group.Key : null));
                var result = GroupReport.Create(kind, name, [.. group]);
                summary.Append(CultureInfo.InvariantCulture, $"\n## {kind}: {name}\n\n{string.Join("\n\n", group.DistinctBy(cell => cell.GroupKey).Select(Settings))}\n\n{result.Table.ToMarkdown()}");
                File.WriteAllText(path + ".csv", result.Csv);
                files.Add(path + ".csv");
                files.AddRange(result.Chart.Save(path));
            }
        }

        var (markdown, json) = (Path.Combine(store.Folder, "summary.md"), Path.Combine(store.Folder, "results.json"));
        File.WriteAllText(markdown, summary.ToString());
        File.WriteAllText(json, JsonSerializer.Serialize(cells, ExperimentFile.Options));
        files.AddRange([markdown, json]);
        Console.WriteLine($"\n{summary}\nWritten: {string.Join(", ", files.Select(Path.GetFileName))} in {store.Folder}");
        return files;
    }

    private static string Settings(FinishedCell cell)
    {
        var shown = cell.Settings
            .Where(pair => pair.Key is not ("kind" or "optimizer" or "seed" or "rateFactor" or "probe" or "pruning") && pair.Value is not null)
            .Where(pair => cell.Study is null || pair.Key != "epochs")
            .Select(pair => $"{pair.Key} {pair.Value!.ToJsonString(ExperimentFile.Compact)}");
        var along = cell.Kind is ExperimentKind.E1 or ExperimentKind.E3 or ExperimentKind.Pruning ? $"; along {cell.Settings["optimizer"]!.ToJsonString(ExperimentFile.Compact)}" : "";
        return $"{(cell.Study is null ? "" : cell.Experiment + ": ")}`{string.Join(", ", shown)}{along}`";
    }
}
