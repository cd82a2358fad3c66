namespace Microsoft.ML.NaturalGradient.Tests.Evaluation;

/// <summary>
/// Counts entities word by word in the way of conlleval, which looks at pairs of letters and never at whole entities: a flag says whether a labelled and a predicted entity that began at the same
/// word have agreed so far. With the letters S (and the other names of E and S) added to its pairs.
/// </summary>
internal static class ConllCounts
{
    private static readonly HashSet<string> Begins = [.. "BB IB OB EB SB BS IS OS ES SS OI EI SI OE EE SE".Split(' ')];
    private static readonly HashSet<string> Ends = [.. "BB BS BO IB IS IO EB EI EO EE ES SB SI SO SE SS".Split(' ')];

    /// <summary>Counts over texts; (labelled, predicted, right) for each type.</summary>
    public static Dictionary<string, (int Actual, int Predicted, int Correct)> Count(IEnumerable<(string[] Labels, string[] Predictions)> rows)
    {
        var counts = new Dictionary<string, (int Actual, int Predicted, int Correct)>();
        foreach (var (labels, predictions) in rows)
        {
            var (lastLabel, lastPrediction, agreed) = (("O", ""), ("O", ""), false);
            for (var word = 0; word <= labels.Length; word++)
            {
                var label = Split(word < labels.Length ? labels[word] : "O");
                var prediction = Split(word < labels.Length ? predictions[word] : "O");
                if (agreed)
                {
                    var (labelEnds, predictionEnds) = (Ending(lastLabel, label), Ending(lastPrediction, prediction));
                    if (labelEnds && predictionEnds)
                    {
                        Add(counts, lastLabel.Item2, 0, 0, 1);
                    }

                    agreed = !labelEnds && !predictionEnds;
                }

                var (labelBegins, predictionBegins) = (Beginning(lastLabel, label), Beginning(lastPrediction, prediction));
                agreed |= labelBegins && predictionBegins && label.Type == prediction.Type;
                Add(counts, label.Type, labelBegins ? 1 : 0, 0, 0);
                Add(counts, prediction.Type, 0, predictionBegins ? 1 : 0, 0);
                (lastLabel, lastPrediction) = (label, prediction);
            }
        }

        return counts.Where(pair => pair.Value.Actual + pair.Value.Predicted > 0).ToDictionary();
    }

    private static void Add(Dictionary<string, (int Actual, int Predicted, int Correct)> counts, string type, int actual, int predicted, int correct)
    {
        var before = counts.GetValueOrDefault(type);
        counts[type] = (before.Actual + actual, before.Predicted + predicted, before.Correct + correct);
    }

    private static bool Beginning((string Letter, string Type) last, (string Letter, string Type) now) =>
        Begins.Contains(last.Letter + now.Letter) || (now.Letter != "O" && last.Type != now.Type);

    private static bool Ending((string Letter, string Type) last, (string Letter, string Type) now) =>
        Ends.Contains(last.Letter + now.Letter) || (last.Letter != "O" && last.Type != now.Type);

    private static (string Letter, string Type) Split(string tag)
    {
        var parts = tag.Split('-', 2);
        var letter = parts[0] switch
        {
            "L" => "E",
            "U" or "W" => "S",
            "M" => "I",
            var other => other,
        };
        return (letter, parts.Length < 2 ? "" : parts[1]);
    }
}
