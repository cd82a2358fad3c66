using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>How rows were read for a trained network, as far as its files for Python say it.</summary>
internal sealed record ExportDetails
{
    /// <summary>Most tokens of a text; null for pictures.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Id that fills shorter rows of texts.</summary>
    public int PadId { get; init; }

    /// <summary>Whether a row is a pair of texts.</summary>
    public bool ReadsPairs { get; init; }

    /// <summary>Size of pictures as the network reads them; null for texts.</summary>
    public OnnxPictureSize? Pictures { get; init; }

    /// <summary>How a text-to-text model was asked; nothing for others.</summary>
    public TextToTextSettings TextToText { get; init; } = TextToTextSettings.None;

    /// <summary>How outputs become predictions, as far as files beside the weights have to say it.</summary>
    public PredictionNotes Predictions { get; init; } = PredictionNotes.None;

    /// <summary>What an exported graph says of reading rows beside this, by name.</summary>
    public IReadOnlyDictionary<string, string> Notes { get; init; } = new Dictionary<string, string>();

    /// <summary>Whether pictures have another size than those that the base's positions were trained on.</summary>
    public bool ResizesPositions { get; init; }
}
