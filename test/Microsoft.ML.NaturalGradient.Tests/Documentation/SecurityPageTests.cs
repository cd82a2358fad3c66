using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient.Tests.Documentation;

/// <summary>What SECURITY.md says that files can and cannot do is what tests show: every sentence in a list has a note, and every note names tests.</summary>
[TestClass]
public sealed partial class SecurityPageTests
{
    private static readonly Lazy<HashSet<string>> Tests = new(() => typeof(SecurityPageTests).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods().Where(method => method.IsDefined(typeof(TestMethodAttribute), inherit: true)).Select(method => $"{type.Name}.{method.Name}"))
        .ToHashSet(StringComparer.Ordinal));

    private static string Page => File.ReadAllText(Path.Combine(CodeExampleTests.RepositoryRoot(), "SECURITY.md")).ReplaceLineEndings("\n");

    [TestMethod]
    public void Claims_EverySentenceInAList_HasANote() => Assert.IsEmpty(WithoutNote(Page));

    [TestMethod]
    public void Notes_AreThoseOfTheClaims()
    {
        var page = Page;

        CollectionAssert.AreEquivalent(Notes(page).Select(note => note.Name).ToArray(), References(page).Distinct().ToArray());
        Assert.IsGreaterThan(20, Notes(page).Length);
    }

    [TestMethod]
    public void Notes_EachNamesTestsThatThereAre() => Assert.IsEmpty(Unbacked(Page));

    [TestMethod]
    [DataRow("- Files of ML.NET are safe.\n", 1, 0)]
    [DataRow("- Files are safe.[^a] So are `x.json` and others.\n\n[^a]: `SecurityPageTests.Notes_AreThoseOfTheClaims`\n", 1, 0)]
    [DataRow("- Files are safe, and the next line\n  is too.[^a][^b]\n\n[^a]: `SecurityPageTests.Notes_AreThoseOfTheClaims`\n[^b]: `SecurityPageTests.NoSuchTest`\n", 0, 1)]
    [DataRow("- Files are safe.[^a]\n\n[^a]: tests\n", 0, 1)]
    [DataRow("- Files are safe.[^a]\n\n[^a]: `SecurityPageTests.Page`\n", 0, 1, DisplayName = "no test")]
    public void APage_WithAClaimThatNothingBacks_IsFound(string page, int withoutNote, int unbacked)
    {
        Assert.HasCount(withoutNote, WithoutNote(page));
        Assert.HasCount(unbacked, Unbacked(page));
    }

    private static string[] WithoutNote(string page) =>
    [
        .. Item().Matches(page).Select(item => Code().Replace(item.Groups[1].Value.ReplaceLineEndings(" "), "code"))
            .SelectMany(item => Sentence().Matches(item)).Where(sentence => !sentence.Groups["notes"].Success).Select(sentence => sentence.Value.Trim()),
    ];

    private static string[] Unbacked(string page) =>
    [
        .. Notes(page).Where(note => note.Tests.Length == 0).Select(note => note.Name),
        .. Notes(page).SelectMany(note => note.Tests).Where(test => !Tests.Value.Contains(test)),
    ];

    private static (string Name, string[] Tests)[] Notes(string page) =>
        [.. Note().Matches(page).Select(note => (note.Groups[1].Value, Code().Matches(note.Groups[2].Value).Select(test => test.Groups[1].Value).ToArray()))];

    private static IEnumerable<string> References(string page) => Reference().Matches(Note().Replace(page, "")).Select(reference => reference.Groups[1].Value);

    // An item of a list with the lines that go on with it.
    [GeneratedRegex(@"^- (.*(\n  .*)*)", RegexOptions.Multiline)]
    private static partial Regex Item();

    [GeneratedRegex(@"\S.*?\.(?<notes>(\[\^[\w-]+\])+)?(?=\s|$)")]
    private static partial Regex Sentence();

    [GeneratedRegex(@"^\[\^([\w-]+)\]: (.*(\n  .*)*)", RegexOptions.Multiline)]
    private static partial Regex Note();

    [GeneratedRegex(@"\[\^([\w-]+)\]")]
    private static partial Regex Reference();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
