using CsCheck;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

[TestClass]
public sealed class PairTruncationTests
{
    private static readonly Gen<int> Length = Gen.Int[0, 40];

    [TestMethod]
    public void Keep_AnyLengths_EqualsTakingTokensOneByOne() =>
        Gen.Select(Length, Length, Length).Check(
            5000,
            draw => PairTruncation.Keep(draw.Item1, draw.Item2, draw.Item3) == TakeOneByOne(draw.Item1, draw.Item2, draw.Item3));

    [TestMethod]
    public void Keep_HugeLengths_DoesNotOverflow() =>
        Assert.AreEqual((254, 255), PairTruncation.Keep(int.MaxValue, int.MaxValue, 509));

    /// <summary>The longer text loses a token until both fit; when equal, the one that was not longer at the start does.</summary>
    private static (int First, int Second) TakeOneByOne(int first, int second, int limit)
    {
        var firstWasLonger = first > second;
        while (first + second > limit)
        {
            if (first > second || (first == second && !firstWasLonger))
            {
                first--;
            }
            else
            {
                second--;
            }
        }

        return (first, second);
    }
}
