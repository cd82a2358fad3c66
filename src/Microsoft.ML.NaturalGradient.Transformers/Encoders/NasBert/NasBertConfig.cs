using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>The sizes of a NAS-BERT network, and what each of its layers does.</summary>
/// <param name="Sizes">What every text encoder has; the width is that of the last block.</param>
/// <param name="EmbeddingSize">Width of the tables of words and positions.</param>
/// <param name="Plan">The layers.</param>
internal sealed record NasBertConfig(EncoderSizes Sizes, int EmbeddingSize, NasBertPlan Plan)
{
    /// <summary>Reads and checks a configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <exception cref="InvalidDataException">A field is absent or makes no sense; the message names it.</exception>
    /// <exception cref="NotSupportedException">The variant is not supported.</exception>
    public static NasBertConfig Read(ModelConfig config)
    {
        var sizes = EncoderSizes.Read(config);
        var operations = config.OptionalNumberList(NasBertLayout.OperationsField).Select(number => OperationOf(config, number)).ToArray();
        if (operations.Length != sizes.LayerCount)
        {
            throw config.Unexpected(NasBertLayout.OperationsField, FormattableString.Invariant($"a list of {sizes.LayerCount} numbers, one for each layer"));
        }

        var plan = NasBertPlan.Of(operations, EncoderSizes.Positive(config, NasBertLayout.BlockSizeField));
        return plan.BlockWidths[^1] == sizes.HiddenSize
            ? new NasBertConfig(sizes, EncoderSizes.Positive(config, NasBertLayout.EmbeddingSizeField), plan)
            : throw config.Unexpected("hidden_size", FormattableString.Invariant($"{plan.BlockWidths[^1]}, the width of the last layers of {NasBertLayout.OperationsField}"));
    }

    private static NasBertOperation OperationOf(ModelConfig config, double number) =>
        number == Math.Floor(number) && number < NasBertOperation.Count && NasBertOperation.Of((int)number) is { } operation
            ? operation
            : throw config.Unexpected(NasBertLayout.OperationsField, FormattableString.Invariant($"whole numbers from 0 to {NasBertOperation.Count - 1}"));
}
