namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Token sequences that are padded at the end to the longest of them, as networks read them.</summary>
internal sealed class PaddedTokens
{
    /// <summary>Pads sequences.</summary>
    /// <param name="sequences">N sequences, at least one.</param>
    /// <param name="padId">Id that fills shorter rows.</param>
    public PaddedTokens(IReadOnlyList<TokenSequence> sequences, int padId)
    {
        (Rows, Width) = (sequences.Count, sequences.Max(sequence => sequence.Ids.Length));
        Ids = new long[Rows * Width];
        Mask = new long[Rows * Width];
        TypeIds = new long[Rows * Width];
        Array.Fill(Ids, padId);
        for (var row = 0; row < Rows; row++)
        {
            var sequence = sequences[row];
            var start = row * Width;
            for (var t = 0; t < sequence.Ids.Length; t++)
            {
                Ids[start + t] = sequence.Ids[t];
                Mask[start + t] = 1;
                TypeIds[start + t] = sequence.TypeIds?[t] ?? 0;
            }
        }
    }

    /// <summary>Sequences N.</summary>
    public int Rows { get; }

    /// <summary>Tokens T of the longest sequence.</summary>
    public int Width { get; }

    /// <summary>Token ids, [N, T].</summary>
    public long[] Ids { get; }

    /// <summary>1 for tokens and 0 for padding, [N, T].</summary>
    public long[] Mask { get; }

    /// <summary>Segment ids, [N, T].</summary>
    public long[] TypeIds { get; }
}
