using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Benchmarks;

/// <summary>A classifier that was trained for one step, as a user has it.</summary>
internal static class TrainedModel
{
    private static readonly string[] Words =
        "the a good bad film phone meal service very not quite really slow quick nice poor loved hated it was is we they again never".Split(' ');

    /// <summary>Rows of a few words.</summary>
    public sealed class Row
    {
        /// <summary>Class.</summary>
        public string Label { get; set; } = "";

        /// <summary>Text.</summary>
        public string Text { get; set; } = "";
    }

    /// <summary>What scoring adds.</summary>
    public sealed class Prediction
    {
        /// <summary>Probabilities.</summary>
        [ColumnName("Score")]
        public float[] Scores { get; set; } = [];
    }

    /// <summary>Makes rows of random words.</summary>
    /// <param name="count">How many.</param>
    /// <param name="words">Mean number of words; a row has up to two more or fewer.</param>
    public static Row[] Rows(int count, int words = 8)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(row => new Row
        {
            Label = row % 2 == 0 ? "yes" : "no",
            Text = string.Join(' ', random.GetItems(Words, random.Next(words - 2, words + 3))),
        })];
    }

    /// <summary>Fits the pipeline of the README on 32 rows.</summary>
    public static ITransformer Fit(MLContext context)
    {
        var pipeline = context.Transforms.Conversion.MapValueToKey("Label").Append(
            context.MulticlassClassification.Trainers.TextClassification(optimizer: Optimizers.Ief, sentence1ColumnName: "Text", maxEpochs: 1, model: PretrainedModel.MiniLM));
        return pipeline.Fit(context.Data.LoadFromEnumerable(Rows(32)));
    }
}
