namespace Microsoft.ML.NaturalGradient.Models;

/// <summary>What PEFT calls tasks and heads.</summary>
internal static class PeftNames
{
    /// <summary>The task of classifiers.</summary>
    public const string ClassificationTask = "SEQ_CLS";

    /// <summary>The task of models that classify tokens.</summary>
    public const string TokenTask = "TOKEN_CLS";

    /// <summary>The task of models that find answers in texts.</summary>
    public const string SpanTask = "QUESTION_ANS";

    /// <summary>The task of models that answer with text.</summary>
    public const string TextToTextTask = "SEQ_2_SEQ_LM";

    /// <summary>What classification heads are called.</summary>
    public static IReadOnlyList<string> HeadModules { get; } = ["classifier", "score"];
}
