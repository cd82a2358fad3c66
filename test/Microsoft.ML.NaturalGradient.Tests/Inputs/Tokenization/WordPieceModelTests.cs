using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class WordPieceModelTests
{
    private const int Unknown = 0;

    private static readonly Dictionary<string, int> Pieces = new()
    {
        ["[UNK]"] = Unknown,
        ["un"] = 1,
        ["##aff"] = 2,
        ["##able"] = 3,
        ["##a"] = 4,
        ["\U0001F600"] = 5,
        ["##\U0001F600"] = 6,
        ["##"] = 7,
        ["a"] = 8,
    };

    [TestMethod]
    [DataRow("unaffable", "1,2,3")]
    [DataRow("una", "1,4")]
    [DataRow("unb", "0", DisplayName = "a word that cannot be spelled to its end")]
    [DataRow("able", "0", DisplayName = "a piece for the inside of a word only")]
    [DataRow("\U0001F600\U0001F600", "5,6")]
    [DataRow("\U0001F601", "0", DisplayName = "half of its surrogate pair is no piece")]
    public void Encode_Word_IsSpelledByTheLongestPieces(string word, string expected) => Assert.AreEqual(expected, string.Join(',', Spell(word, 100)));

    [TestMethod]
    [DataRow(51, 51)]
    [DataRow(100, 100)]
    [DataRow(101, 1)]
    public void Encode_LongWordBeyondBasicPlane_CountsCodePointsAsReference(int characters, int expected) =>
        Assert.HasCount(expected, Spell(string.Concat(Enumerable.Repeat("\U0001F600", characters)), 100));

    [TestMethod]
    public void Encode_WordOfAMillionLetters_TakesNoStack() => Assert.HasCount(1_000_000, Spell(new string('a', 1_000_000), int.MaxValue));

    [TestMethod]
    public void Create_VocabularyWithoutUnknown_IsRefused()
    {
        var exception = Assert.ThrowsExactly<InvalidDataException>(() => WordPieceModel.Create(new WordPieceVocabulary(Pieces), "<unk>"));

        Assert.Contains("no piece '<unk>'", exception.Message);
    }

    private static List<int> Spell(string word, int longestWord)
    {
        var ids = new List<int>();
        WordPieceModel.Create(new WordPieceVocabulary(Pieces), "[UNK]", longestWord).Encode(word, true, ids, int.MaxValue);
        return ids;
    }
}
