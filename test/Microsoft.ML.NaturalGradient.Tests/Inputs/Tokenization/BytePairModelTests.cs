using System.Text;
using CsCheck;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class BytePairModelTests
{
    private static readonly Dictionary<string, int> Vocabulary = BytePairFiles.Vocabulary(BpeFiles(), "vocab.json");
    private static readonly List<(string Left, string Right)> Merges = BytePairFiles.Merges(BpeFiles(), "merges.txt");
    private static readonly Dictionary<(string, string), int> Ranks = Merges.Select((merge, rank) => (merge, rank)).ToDictionary(pair => pair.merge, pair => pair.rank);

    // The vocabulary lists the letters of the bytes in their order, after four special tokens.
    private static readonly string[] Letters = [.. Vocabulary.Where(entry => entry.Value is >= 4 and < 260).OrderBy(entry => entry.Value).Select(entry => entry.Key)];

    private static readonly BytePairModel Model = new(Vocabulary, Merges, "the fixture");

    private static readonly Gen<string> Word = Gen.OneOf(
        Gen.Char['a', 'z'].Select(c => c.ToString()), TokenizerFixtures.OneOf("the", "ing", " ", "\u00E9", "\U0001F600", "on", "\uD800")).Array[0, 20].Select(string.Concat);

    [TestMethod]
    public void Spell_AnyWord_EqualsMergingPairByPair() =>
        Word.Check(2000, word => Model.Spell(word).SequenceEqual(MergeOneByOne(word)));

    [TestMethod]
    public void Spell_LongWord_Ends()
    {
        var ids = Model.Spell(new string('\u00E9', 500_000)); // 0.6 s; quadratic work would take hours

        Assert.IsGreaterThanOrEqualTo(250_000, ids.Count);
    }

    [TestMethod]
    [DataRow("\u0120", "byte 32")]
    [DataRow("a", "byte 97")]
    public void Constructor_ByteWithoutPiece_Throws(string piece, string expected)
    {
        var vocabulary = new Dictionary<string, int>(Vocabulary);
        vocabulary.Remove(piece);

        var exception = Assert.ThrowsExactly<InvalidDataException>(() => new BytePairModel(vocabulary, Merges, "the test"));

        Assert.Contains(expected, exception.Message);
    }

    [TestMethod]
    public void Constructor_MergeOutsideVocabulary_NamesIt()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => new BytePairModel(Vocabulary, [("t", "h"), ("q", "zz")], "the test"));

        Assert.Contains("merge 2, 'q zz'", exception.Message);
    }

    /// <summary>Always merges the pair that stands first in the list, at its first place.</summary>
    private static IEnumerable<int> MergeOneByOne(string word)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        var pieces = bytes.Select(value => Letters[value]).ToList();
        while (true)
        {
            var best = (Rank: int.MaxValue, Place: -1);
            for (var place = 0; place + 1 < pieces.Count; place++)
            {
                best = Ranks.TryGetValue((pieces[place], pieces[place + 1]), out var rank) && rank < best.Rank ? (rank, place) : best;
            }

            if (best.Place < 0)
            {
                return pieces.Select(piece => Vocabulary[piece]);
            }

            pieces[best.Place] += pieces[best.Place + 1];
            pieces.RemoveAt(best.Place + 1);
        }
    }

    private static MemoryCheckpointFiles BpeFiles() => TokenizerFixtures.Files(
        ("vocab.json", TokenizerFixtures.Bytes("bpe", "vocab.json")), ("merges.txt", TokenizerFixtures.Bytes("bpe", "merges.txt")));
}
