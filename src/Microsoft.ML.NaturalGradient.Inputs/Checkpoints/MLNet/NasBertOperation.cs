namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>What one layer of a NAS-BERT network does, as a number of its search space says.</summary>
/// <remarks>
/// The numbers are 6·w + o: w is the place of the width among 128, 192, 384, 512, 768; o is 0 for nothing, 1 for attention, 2 for two dense layers, 3, 4
/// and 5 for separable convolutions over 3, 5 and 7 tokens. Source: Xu et al., "NAS-BERT: Task-Agnostic and Adaptive-Size BERT Compression with
/// Neural Architecture Search", KDD 2021, section 3.
/// </remarks>
internal readonly record struct NasBertOperation
{
    private const int Choices = 6;
    private const int Attention = 1;
    private const int FeedForward = 2;
    private const int FirstConvolution = 3;

    private static readonly int[] Widths = [128, 192, 384, 512, 768];
    private static readonly int[] Kernels = [3, 5, 7];

    private readonly int _choice;

    private NasBertOperation(int number)
    {
        Number = number;
        _choice = number % Choices;
        Width = IsIdentity ? 0 : Widths[number / Choices];
    }

    /// <summary>Width of what is read where no layer of a network has one.</summary>
    public static int WidestWidth => Widths[^1];

    /// <summary>How many numbers there are, from 0 on.</summary>
    public static int Count => Choices * Widths.Length;

    /// <summary>The number.</summary>
    public int Number { get; }

    /// <summary>Width D of what it reads and gives; 0 for <see cref="IsIdentity"/>, which takes any.</summary>
    public int Width { get; }

    /// <summary>Whether it gives what it reads.</summary>
    public bool IsIdentity => _choice == 0;

    /// <summary>Whether it is attention.</summary>
    public bool IsAttention => _choice == Attention;

    /// <summary>Whether it is two dense layers.</summary>
    public bool IsFeedForward => _choice == FeedForward;

    /// <summary>Tokens K that each of its two convolutions reads; 0 for other operations.</summary>
    public int KernelSize => _choice >= FirstConvolution ? Kernels[_choice - FirstConvolution] : 0;

    /// <summary>The operation of a number.</summary>
    /// <param name="number">The number.</param>
    /// <returns>The operation; null where there is none of this number.</returns>
    public static NasBertOperation? Of(int number) => number >= 0 && number < Count ? new NasBertOperation(number) : null;

    /// <summary>Attention of a width.</summary>
    /// <param name="width">The width.</param>
    /// <returns>The operation; null where the search space does not have it.</returns>
    public static NasBertOperation? AttentionOf(long width) => Find(width, Attention);

    /// <summary>Two dense layers of a width.</summary>
    /// <inheritdoc cref="AttentionOf"/>
    public static NasBertOperation? FeedForwardOf(long width) => Find(width, FeedForward);

    /// <summary>Convolutions of a width.</summary>
    /// <inheritdoc cref="AttentionOf"/>
    /// <param name="width">The width.</param>
    /// <param name="kernelSize">Tokens that each reads.</param>
    public static NasBertOperation? ConvolutionOf(long width, long kernelSize) =>
        Array.IndexOf(Kernels, (int)kernelSize) is >= 0 and var kernel ? Find(width, FirstConvolution + kernel) : null;

    private static NasBertOperation? Find(long width, int choice) =>
        Array.IndexOf(Widths, (int)width) is >= 0 and var place ? Of((place * Choices) + choice) : null;
}
