using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class UnigramModelTests
{
    private static readonly string[] Pieces = ["<unk>", "a", "b", "ab", "ba", "aab", "bbb", "abab", "\U0001F600", "a\U0001F600"];

    private static readonly Gen<double[]> Scores = Gen.Double[-9, -1].Array[Pieces.Length];

    private static readonly Gen<string> Word = TokenizerFixtures.OneOf("a", "b", "ab", "c", "\U0001F600").Array[0, 7].Select(string.Concat);

    [TestMethod]
    public void Spell_AnyWordAndScores_IsBestOfAllSpellings() => Gen.Select(Scores, Word).Check(
        2000,
        draw =>
        {
            var (scores, word) = draw;
            var model = new UnigramModel([.. Pieces.Zip(scores)], 0, false, "the test");
            var (ids, best) = (model.Spell(word), Fuse(Best(word, scores).Ids));

            // Several spellings may be equally good; what is unknown costs the same in all of them.
            return Math.Abs(ids.Sum(id => scores[id]) - best.Sum(id => scores[id])) < 1e-9 && Spelled(ids) == Spelled(best);
        });

    [TestMethod]
    public void Spell_UnknownCharacters_AreOneToken()
    {
        var model = new UnigramModel([.. Pieces.Select((piece, n) => (piece, (double)-n))], 0, false, "the test");

        Assert.AreEqual("1,0,2", string.Join(',', model.Spell("acd\U0001F601b")));
        Assert.IsEmpty(model.Spell(""));
    }

    [TestMethod]
    public void Spell_Bytes_SpellsUnknownCharacters()
    {
        var bytes = Enumerable.Range(0, 256).Select(n => ($"<0x{n:X2}>", -20.0));
        var model = new UnigramModel([("<unk>", 0), ("a", -1), .. bytes], 0, true, "the test");

        Assert.AreEqual($"1,{2 + 0xC3},{2 + 0xA9},{2 + 'c'},1", string.Join(',', model.Spell("a\u00E9ca")));
    }

    [TestMethod]
    public void Spell_LongWord_Ends()
    {
        var model = new UnigramModel([("<unk>", 0), ("a", -1), ("aa", -1.5), ("aaaaaaaaaaaaaaaa", -9)], 0, false, "the test");

        var ids = model.Spell(new string('a', 1_000_000)); // 0.5 s; quadratic work would take hours

        Assert.HasCount(62_500, ids);
    }

    [TestMethod]
    public void Constructor_DamagedVocabulary_Throws()
    {
        foreach (var (pieces, unknownId, bytes, expected) in (((string, double)[], int, bool, string)[])
        [
            ([("a", double.NaN)], 0, false, "the score NaN"),
            ([("a", -1)], 1, false, "the id 1 of the unknown token"),
            ([("a", -1)], -1, false, "the id -1 of the unknown token"),
            ([("a", -1)], 0, true, "no piece '<0x00>'"),
        ])
        {
            var exception = Assert.ThrowsExactly<InvalidDataException>(() => new UnigramModel(pieces, unknownId, bytes, "the test"));

            Assert.Contains(expected, exception.Message);
        }
    }

    /// <summary>Tries every spelling; an unknown character costs 10 more than the least probable piece.</summary>
    private static (double Score, IEnumerable<int> Ids) Best(string word, double[] scores)
    {
        if (word.Length == 0)
        {
            return (0, []);
        }

        var best = (Score: double.NegativeInfinity, Ids: Enumerable.Empty<int>());
        for (var id = 0; id < Pieces.Length; id++)
        {
            if (word.StartsWith(Pieces[id], StringComparison.Ordinal))
            {
                Offer(id, Pieces[id].Length, scores[id]);
            }
        }

        var character = char.IsHighSurrogate(word[0]) ? 2 : 1;
        if (!Pieces.Contains(word[..character]))
        {
            Offer(0, character, scores.Min() - 10);
        }

        return best;

        void Offer(int id, int length, double score)
        {
            var rest = Best(word[length..], scores);
            best = score + rest.Score > best.Score ? (score + rest.Score, rest.Ids.Prepend(id)) : best;
        }
    }

    private static string Spelled(IEnumerable<int> ids) => string.Concat(ids.Select(id => Pieces[id]));

    private static IEnumerable<int> Fuse(IEnumerable<int> ids)
    {
        var all = ids.ToArray();
        return all.Where((id, n) => id != 0 || n == 0 || all[n - 1] != 0);
    }
}
