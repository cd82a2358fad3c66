using System.Text.Json.Nodes;

namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>Describes ML.NET's RoBERTa encoder as the one of transformers, whose names it has.</summary>
/// <remarks>
/// Two things differ. Its positions begin with row 0 of their table, those of transformers with row 2, after that of padding: the table is read with two
/// rows of zeros before it, which no token has. And its embeddings are normalised with another ε than its layers.
/// </remarks>
internal static class RobertaLayout
{
    /// <summary>The table of positions.</summary>
    public const string Positions = "embeddings.position_embeddings.weight";

    /// <summary>Rows of the table of transformers before that of the first token.</summary>
    public const int RowsBefore = 2;

    private const int HeadSize = 64;

    /// <summary>Describes the network.</summary>
    /// <param name="file">The encoder's tensors.</param>
    /// <returns>What <c>config.json</c> would say.</returns>
    /// <exception cref="InvalidDataException">They are not those of such an encoder; the message says why.</exception>
    public static JsonObject Describe(ISafetensors file)
    {
        var (vocabulary, width) = TensorShape.Matrix(file, "embeddings.word_embeddings.weight");
        var layers = file.Names.Select(FirstLayers.LayerOf).Max() is { } last
            ? last + 1
            : throw TensorShape.Unexpected(file, "it has no layer, whose tensors are called encoder.layer.0 and so on");
        return new JsonObject
        {
            ["model_type"] = "roberta",
            ["architectures"] = new JsonArray("RobertaModel"),
            ["vocab_size"] = vocabulary,
            ["hidden_size"] = width,
            ["num_hidden_layers"] = layers,
            ["num_attention_heads"] = width / HeadSize,
            ["intermediate_size"] = TensorShape.Matrix(file, "encoder.layer.0.intermediate.dense.weight").Rows,
            ["max_position_embeddings"] = TensorShape.Matrix(file, Positions).Rows + RowsBefore,
            ["type_vocab_size"] = TensorShape.Matrix(file, "embeddings.token_type_embeddings.weight").Rows,
            ["hidden_act"] = "gelu",
            ["layer_norm_eps"] = 1e-5,
            ["embedding_layer_norm_eps"] = 1e-12,
            ["pad_token_id"] = 1,
        };
    }
}
