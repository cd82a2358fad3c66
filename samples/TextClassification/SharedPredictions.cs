using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.ML.NaturalGradient;
using Samples;

namespace TextClassificationSample;

/// <summary>Predictions for many texts, made by several processes and written by the first, in the order of the texts.</summary>
/// <remarks>
/// Texts go through the model in blocks of fixed size, which each process has neighbouring ones of, so that the file does not depend on how many processes there are. After each
/// round of blocks the first process gets what all predicted, and writes it: nobody keeps the predictions of a whole file.
/// </remarks>
/// <param name="all">The processes.</param>
/// <param name="predict">Gives the class of each text, and its probability.</param>
internal sealed class SharedPredictions(ICollective all, Func<IReadOnlyList<string>, IEnumerable<(string Label, float Probability)>> predict)
{
    private const int BlockRows = 64;
    private const int BlocksOfRound = 128;

    /// <summary>Predicts and writes.</summary>
    /// <param name="texts">The texts; the same in all processes.</param>
    /// <param name="model">The model's file, which all must have.</param>
    /// <param name="path">The file to write, in the first process; replaced when all is written.</param>
    /// <exception cref="UsageException">The processes have not the same texts and model.</exception>
    public void Write(IReadOnlyList<string> texts, string model, string path)
    {
        CheckSame(texts, model);
        var unfinished = path + ".unfinished";
        using (var file = all.Rank == 0 ? File.Create(unfinished) : null)
        {
            file?.Write("PredictedLabel\tProbability\n"u8);
            const int round = BlockRows * BlocksOfRound;
            for (var start = 0; start < texts.Count; start += round)
            {
                var lines = GatherLines(OwnLines(texts, start, Math.Min(round, texts.Count - start)));
                file?.Write(lines);
            }
        }

        if (all.Rank == 0)
        {
            File.Move(unfinished, path, overwrite: true);
        }
    }

    private byte[] OwnLines(IReadOnlyList<string> texts, int start, int rows)
    {
        var blocks = (rows + BlockRows - 1) / BlockRows;
        var (first, last) = (blocks * all.Rank / all.Size, blocks * (all.Rank + 1) / all.Size);
        var lines = new StringBuilder();
        for (var block = first; block < last; block++)
        {
            var own = Enumerable.Range(start + (block * BlockRows), Math.Min(BlockRows, rows - (block * BlockRows))).Select(row => texts[row]).ToArray();
            foreach (var (label, probability) in predict(own))
            {
                lines.Append(CultureInfo.InvariantCulture, $"{SeparatedText.Quote(label, '\t')}\t{probability:F4}\n");
            }
        }

        return Encoding.UTF8.GetBytes(lines.ToString());
    }

    private byte[] GatherLines(byte[] own)
    {
        var lengths = new int[all.Size];
        var places = Enumerable.Repeat(sizeof(int), all.Size).ToArray();
        all.AllGather(BitConverter.GetBytes(own.Length), MemoryMarshal.AsBytes(lengths.AsSpan()), places);
        var lines = new byte[lengths.Sum()];
        all.AllGather(own, lines, lengths);
        return lines;
    }

    private void CheckSame(IReadOnlyList<string> texts, string model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var file = File.OpenRead(model))
        {
            hash.AppendData(SHA256.HashData(file));
        }

        foreach (var text in texts)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        }

        const int length = SHA256.HashSizeInBytes;
        var hashes = new byte[all.Size * length];
        all.AllGather(hash.GetHashAndReset(), hashes, Enumerable.Repeat(length, all.Size).ToArray());
        var other = Enumerable.Range(0, all.Size).FirstOrDefault(rank => !hashes.AsSpan(rank * length, length).SequenceEqual(hashes.AsSpan(0, length)));
        if (other > 0)
        {
            throw new UsageException($"Process {other} has another model or other texts than process 0. Give all processes the same files.");
        }
    }
}
