using Microsoft.ML.Tokenizers;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Spells words with BERT's word pieces: the longest piece from the left, again and again.</summary>
internal static class WordPieceModel
{
    /// <summary>Builds the model of a vocabulary.</summary>
    /// <param name="vocabulary">The pieces; those inside a word begin with <c>##</c>.</param>
    /// <param name="unknownToken">Piece for words that cannot be spelled.</param>
    /// <param name="longestWord">Longest word that is spelled; longer ones are unknown.</param>
    public static PieceModel Create(WordPieceVocabulary vocabulary, string unknownToken, int longestWord = 100)
    {
        using var stream = vocabulary.ToStream();
        var pieces = WordPieceTokenizer.Create(
            stream, new WordPieceOptions { UnknownToken = unknownToken, MaxInputCharsPerWord = longestWord });
        return new PieceModel(null, new BertPreTokenizer(), word => pieces.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false));
    }
}
