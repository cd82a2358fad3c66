namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Sentences written for these tests: 1 for praise, 0 for blame.</summary>
internal static class SmallReviews
{
    public static (string Text, float Label)[] Rows { get; } =
    [
        ("I loved every minute of it", 1), ("A complete waste of money", 0),
        ("The staff were friendly and helpful", 1), ("It broke on the second day", 0),
        ("Wonderful acting and a clever story", 1), ("The plot is boring and far too long", 0),
        ("Best meal we have had this year", 1), ("Cold food and a rude waiter", 0),
        ("It works perfectly and looks great", 1), ("The sound is terrible, do not buy this", 0),
        ("A beautiful film that made me laugh", 1), ("I want my two hours back", 0),
        ("Great value, I am very happy with it", 1), ("The worst service I have ever seen", 0),
        ("I would recommend this to everybody", 1), ("Disappointing from beginning to end", 0),
    ];
}
