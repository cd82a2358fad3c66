using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>Finds out from the tensors of ML.NET's NAS-BERT encoder how its network is made, which the file does not say.</summary>
internal static partial class NasBertLayout
{
    /// <summary>The <c>model_type</c> of what is described.</summary>
    public const string ModelType = "nas-bert";

    /// <summary>The field with the number of what each layer does; a checkpoint of the first layers is cut here too.</summary>
    public const string OperationsField = "layer_types";

    /// <summary>The field with the number of layers of a block.</summary>
    public const string BlockSizeField = "block_size";

    /// <summary>The field with the width of the tables of words and positions.</summary>
    public const string EmbeddingSizeField = "embedding_size";

    /// <summary>Width of an attention head, whatever the width of a layer.</summary>
    public const int HeadSize = 64;

    /// <summary>How many times wider than a layer its inner dense layer is.</summary>
    public const int FeedForwardFactor = 4;

    private const int BlockCount = 4; // as the network was distilled, and as ML.NET divides it
    private const string Words = "TokenEmbedding.weight";
    private const string Positions = "PositionalEmbedding.Embedding.weight";

    /// <summary>Describes the network.</summary>
    /// <param name="file">The encoder's tensors.</param>
    /// <returns>What <c>config.json</c> would say.</returns>
    /// <exception cref="InvalidDataException">They are not those of such an encoder; the message says why.</exception>
    public static JsonObject Describe(ISafetensors file)
    {
        var (vocabulary, embeddingSize) = TensorShape.Matrix(file, Words);
        var (positions, _) = TensorShape.Matrix(file, Positions);
        var plan = Plan(file);
        var width = plan.BlockWidths[^1];
        return new JsonObject
        {
            ["model_type"] = ModelType,
            ["architectures"] = new JsonArray("NasBertForSequenceClassification"),
            ["vocab_size"] = vocabulary,
            [EmbeddingSizeField] = embeddingSize,
            ["hidden_size"] = width,
            ["num_hidden_layers"] = plan.Operations.Count,
            [OperationsField] = new JsonArray([.. plan.Operations.Select(operation => JsonValue.Create(operation.Number))]),
            [BlockSizeField] = plan.BlockSize,
            ["num_attention_heads"] = width / HeadSize,
            ["intermediate_size"] = FeedForwardFactor * width,
            ["max_position_embeddings"] = positions,
            ["hidden_act"] = "gelu",
            ["layer_norm_eps"] = 1e-5,
            ["pad_token_id"] = 1,
        };
    }

    /// <summary>Which tensors are read as a linear map [O, I], though the file has them as a convolution over one token [O, I, 1].</summary>
    /// <param name="name">Name of a tensor.</param>
    public static bool IsPointwise(string name) => name.EndsWith(".conv2.weight", StringComparison.Ordinal);

    private static NasBertPlan Plan(ISafetensors file)
    {
        var found = file.Names.Select(name => LayerName().Match(name)).Where(match => match.Success)
            .Select(match => int.Parse(match.Groups["place"].ValueSpan, CultureInfo.InvariantCulture)).Distinct()
            .ToDictionary(place => place, place => Operation(file, place));
        if (found.Count == 0)
        {
            throw TensorShape.Unexpected(file, "it has no layer, whose tensors are called Layers.0.Operation and so on");
        }

        // Layers that do nothing have no tensors: those at the end are known by the number of blocks alone.
        var blockSize = (found.Keys.Max() + BlockCount) / BlockCount;
        var operations = Enumerable.Range(0, BlockCount * blockSize)
            .Select(place => found.GetValueOrDefault(place, NasBertOperation.Of(0)!.Value)).ToArray();
        var plan = NasBertPlan.Of(operations, blockSize);
        for (var block = 0; block < BlockCount; block++)
        {
            var map = FormattableString.Invariant($"HiddenTransferList.{block}.InHiddenTransfer.weight");
            if (plan.HasMapAfter(block) != file.Contains(map))
            {
                throw TensorShape.Unexpected(file, $"it {(file.Contains(map) ? "has" : "lacks")} '{map}', which does not fit the widths of its layers, "
                    + $"{string.Join(", ", plan.BlockWidths)}");
            }
        }

        return plan;
    }

    private static NasBertOperation Operation(ISafetensors file, int place)
    {
        var layer = FormattableString.Invariant($"Layers.{place}.Operation.");
        string[] names = [layer + "SelfAttention.QProjection.weight", layer + "FullConnects.fc1.weight", layer + "Conv1.conv.Conv.conv1.weight"];
        var name = Array.Find(names, file.Contains) ?? throw TensorShape.Unexpected(file, $"of '{layer}' it has none of {string.Join(", ", names)}");
        var shape = file.Describe(name).Shape;
        var operation = (Array.IndexOf(names, name), shape) switch
        {
            (0, [var width, _]) => NasBertOperation.AttentionOf(width),
            (1, [_, var width]) => NasBertOperation.FeedForwardOf(width),
            (2, [var width, _, var kernel]) => NasBertOperation.ConvolutionOf(width, kernel),
            _ => null,
        };
        return operation ?? throw TensorShape.Unexpected(
            file, $"'{name}' has the shape {MessageText.Shape(shape)}, which no layer of NAS-BERT's search space has");
    }

    [GeneratedRegex(@"^Layers\.(?<place>[0-9]{1,4})\.Operation\.", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex LayerName();
}
