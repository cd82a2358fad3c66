using System.Text.RegularExpressions;

namespace Microsoft.ML.NaturalGradient;

/// <summary>The text that a text-to-text model reads for a row, with places for the row's own texts.</summary>
/// <remarks>
/// <c>{sentence1}</c> and <c>{sentence2}</c> stand for the columns of these names. The built-in templates are those of the GLUE tasks that T5
/// was trained with: Raffel et al., "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer", JMLR 2020, appendix
/// D; the columns are in the order of GLUE's files. A text that is too long loses its end, so what matters comes first.
/// </remarks>
public sealed partial record PromptTemplate
{
    private const string First = "{sentence1}";
    private const string Second = "{sentence2}";

    /// <summary>Creates a template.</summary>
    /// <param name="text">The text; has <c>{sentence1}</c>, and <c>{sentence2}</c> for pairs.</param>
    /// <exception cref="ArgumentException">There is no <c>{sentence1}</c>, or something else in braces.</exception>
    public PromptTemplate(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var unknown = Placeholder().Matches(text).Select(match => match.Value).FirstOrDefault(place => place is not (First or Second));
        if (unknown is not null)
        {
            throw new ArgumentException(
                $"The prompt template \"{text}\" has '{unknown}', which stands for nothing. Use {First} and {Second}, and no other braces.", nameof(text));
        }

        if (!text.Contains(First, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"The prompt template \"{text}\" has no {First}, so every row would read alike. Put {First} where the row's text belongs.", nameof(text));
        }

        Text = text;
    }

    /// <summary>CoLA: is the sentence grammatical?</summary>
    public static PromptTemplate Cola { get; } = new("cola sentence: {sentence1}");

    /// <summary>SST-2: is the review positive?</summary>
    public static PromptTemplate Sst2 { get; } = new("sst2 sentence: {sentence1}");

    /// <summary>MRPC: do the sentences mean the same?</summary>
    public static PromptTemplate Mrpc { get; } = new("mrpc sentence1: {sentence1} sentence2: {sentence2}");

    /// <summary>STS-B: how similar are the sentences?</summary>
    public static PromptTemplate Stsb { get; } = new("stsb sentence1: {sentence1} sentence2: {sentence2}");

    /// <summary>QQP: do the questions ask the same?</summary>
    public static PromptTemplate Qqp { get; } = new("qqp question1: {sentence1} question2: {sentence2}");

    /// <summary>MNLI, with the premise in the first column and the hypothesis in the second.</summary>
    public static PromptTemplate Mnli { get; } = new("mnli hypothesis: {sentence2} premise: {sentence1}");

    /// <summary>QNLI, with the question in the first column and the sentence in the second.</summary>
    public static PromptTemplate Qnli { get; } = new("qnli question: {sentence1} sentence: {sentence2}");

    /// <summary>RTE: does the first sentence entail the second?</summary>
    public static PromptTemplate Rte { get; } = new("rte sentence1: {sentence1} sentence2: {sentence2}");

    /// <summary>WNLI, in the form of the other pairs; T5 itself was trained on another version of this task.</summary>
    public static PromptTemplate Wnli { get; } = new("wnli sentence1: {sentence1} sentence2: {sentence2}");

    /// <summary>The text with its places.</summary>
    public string Text { get; }

    /// <summary>Whether the template needs a second text.</summary>
    public bool UsesPair => Text.Contains(Second, StringComparison.Ordinal);

    /// <summary>The template where the user names none: the text alone, or both texts under their names.</summary>
    /// <param name="hasPair">Whether rows have a second text.</param>
    internal static PromptTemplate Default(bool hasPair) => new(hasPair ? "sentence1: {sentence1} sentence2: {sentence2}" : First);

    /// <summary>Throws when the template does not fit the columns.</summary>
    /// <param name="hasPair">Whether rows have a second text.</param>
    /// <exception cref="ArgumentException">It needs a second text that rows do not have, or would leave one out.</exception>
    internal void Check(bool hasPair)
    {
        if (UsesPair != hasPair)
        {
            throw new ArgumentException(UsesPair
                ? $"The prompt template \"{Text}\" has {Second}, but no second column is named. Set Sentence2ColumnName or use a template without it."
                : $"The prompt template \"{Text}\" has no {Second}, so the second column would not be read. Add {Second} or name no second column.");
        }
    }

    /// <summary>Puts the texts of a row in their places.</summary>
    /// <param name="sentence1">First text; may be empty and have braces of its own.</param>
    /// <param name="sentence2">Second text; null where the template needs none.</param>
    /// <returns>What the model reads.</returns>
    internal string Fill(string sentence1, string? sentence2) =>
        Placeholder().Replace(Text, match => match.Value == First ? sentence1 : sentence2 ?? "");

    // Anything in braces, and braces without a partner.
    [GeneratedRegex(@"\{[^{}]*\}|[{}]", RegexOptions.CultureInvariant)]
    private static partial Regex Placeholder();
}
