using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class TokenWindowTests
{
    [TestMethod]
    public void Divide_AnyText_CoversEveryPartAndKeepsToTheRoom()
    {
        var random = new Random(5);
        for (var draw = 0; draw < 500; draw++)
        {
            var tokens = Enumerable.Range(0, random.Next(40)).Select(_ => random.Next(5)).ToArray();
            var capacity = 1 + random.Next(12);

            var windows = TokenWindow.Divide(tokens, capacity);

            Assert.AreEqual(0, windows[0].First);
            Assert.AreEqual(tokens.Length, windows[^1].End);
            foreach (var window in windows)
            {
                Assert.IsTrue(window.End - window.First == 1 || tokens[window.First..window.End].Sum() <= capacity);
            }

            foreach (var (window, next) in windows.Zip(windows.Skip(1)))
            {
                Assert.IsTrue(next.First > window.First && next.First <= window.End && next.End > window.End, "Each goes on from the one before, without a gap.");
            }
        }
    }

    [TestMethod]
    public void Owners_AnyText_SeeMostAroundEachPart()
    {
        var random = new Random(6);
        for (var draw = 0; draw < 200; draw++)
        {
            var tokens = Enumerable.Range(0, 1 + random.Next(40)).Select(_ => 1 + random.Next(3)).ToArray();
            var windows = TokenWindow.Divide(tokens, 4 + random.Next(8));

            var owners = TokenWindow.Owners(windows, tokens.Length);

            for (var part = 0; part < tokens.Length; part++)
            {
                var seen = windows.Select(window => Around(window, part, tokens.Length)).ToArray();
                Assert.AreEqual(seen.Max(), seen[owners[part]]);
            }
        }

        static int Around(TokenWindow window, int part, int count) => part < window.First || part >= window.End
            ? -1
            : Math.Min(window.First == 0 ? int.MaxValue : part - window.First, window.End == count ? int.MaxValue : window.End - 1 - part);
    }

    [TestMethod]
    public void Divide_ShortText_IsOneWindow() => CollectionAssert.AreEqual(new[] { new TokenWindow(0, 3) }, TokenWindow.Divide([1, 2, 3], 6).ToArray());
}
