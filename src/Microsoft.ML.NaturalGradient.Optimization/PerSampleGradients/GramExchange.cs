using System.Runtime.InteropServices;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Processes;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>Gram matrices of rows that several processes have.</summary>
/// <remarks>
/// Of each parameter the processes exchange what is the least to send. Either each forms the gradients of its own rows and gets the same columns of all rows
/// (n × P numbers become N × P/K), or all get what the layer read and the errors of its outputs, of which each computes the products of its own rows with all. The parts add up by an all-reduce of
/// the matrix. Where all of P is so little that sending whole rows takes less than that all-reduce, they are sent, and each process computes the whole. What to do follows from shapes
/// that all processes know, so that all do the same.
/// </remarks>
/// <param name="group">The processes.</param>
/// <param name="rows">Rows N of the batch.</param>
internal sealed class GramExchange(ProcessGroup group, long rows)
{
    private const long ColumnBytes = 32L << 20; // of formed gradients of one process at a time

    private readonly RowShare _share = group.Share(rows);
    private readonly long[] _counts = [.. Enumerable.Range(0, group.Size).Select(rank => group.Share(rows, rank).Count)];

    // Rows of the process that has most.
    private long Most => _counts.Max();

    /// <summary>Computes the inner products between the rows of several captures of one batch.</summary>
    /// <param name="captures">D captures of this process's rows, at least one row each.</param>
    /// <param name="isDamped">As in <see cref="IPerSampleGradients.JointGram"/>.</param>
    /// <param name="only">The only parameter to count; null for all.</param>
    /// <returns>[D·N, D·N], float64, the same bits in every process; owned by the caller.</returns>
    public Tensor JointGram(IReadOnlyList<CapturedGradients> captures, bool isDamped, Parameter? only)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var parts = Enumerable.Range(0, captures[0].UsesByParameter.Count)
            .Select(position => new Part([.. captures.Select(capture => capture.UsesByParameter[position])]))
            .Where(part => only is null || ReferenceEquals(part.Parameter, only)).ToList();
        var error = captures[0].UsesByParameter[0][0].Error;
        var type = isDamped && error.dtype == ScalarType.Float32 ? ScalarType.Float32 : ScalarType.Float64;
        var side = captures.Count * rows;
        var gram = zeros(side, side, dtype: ScalarType.Float64, device: error.device); // [D·N, D·N]
        var (columns, sources) = (parts.Where(part => !SendsSources(part)).ToList(), parts.Where(SendsSources).ToList());
        var reduced = TrafficCount.OfAllReduce(gram.numel() * sizeof(double), group.Size);
        var formed = columns.Sum(part => FormedBytes(part));
        if (sources.Count == 0 && TrafficCount.OfAllGather(formed, group.Size) <= TrafficCount.OfAllToAll(formed, group.Size) + reduced)
        {
            ForEachPiece(columns, own => AddGram(gram, columns[0].Parameter, group.GatherRows(own.transpose(0, 1), _counts).transpose(0, 1), type)); // [D, N, P]
            Note("whole rows", formed, 0);
            return gram.MoveToOuterDisposeScope();
        }

        ForEachPiece(columns, own => AddGram(gram, columns[0].Parameter, group.ExchangeColumns(own, _counts), type)); // [D, N, p]
        sources.ForEach(part => AddSources(gram, part));
        group.AllReduce([gram]);
        Note("columns", formed, sources.Sum(part => SourceBytes(part)!.Value));
        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the inner products between the rows of several sets of one batch in micro-batches, each of which is captured where it is needed.</summary>
    /// <remarks>With B micro-batches in all processes together, each goes to all, and each process captures its own B times at most.</remarks>
    /// <param name="sets">D sets of this process's rows.</param>
    /// <param name="only">The only parameter to count; null for all.</param>
    /// <returns>[D·N, D·N], float64, the same bits in every process; owned by the caller.</returns>
    public Tensor JointGram(IReadOnlyList<RecomputedGradients> sets, Parameter? only)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var passes = sets[0].Passes;
        var side = sets.Count * rows;
        var gram = zeros(side, side, dtype: ScalarType.Float64, device: sets[0].Seeds.device); // [D·N, D·N]
        var own = new List<(int Set, int Part, long Start)>();
        for (var set = 0; set < sets.Count && _share.Count > 0; set++)
        {
            own.AddRange(Enumerable.Range(0, passes.Count).Select(part => (set, part, (set * rows) + _share.Start + passes.Start(part))));
        }

        Span<double> counts = new double[group.Size];
        counts[group.Rank] = own.Count;
        group.AllReduce(counts);
        var ofRank = counts.ToArray();
        for (var rank = 0; rank < group.Size; rank++)
        {
            for (var block = 0; block < ofRank[rank]; block++)
            {
                using var blockScope = NewDisposeScope();
                var shared = rank != group.Rank ? null : Export(passes, sets[own[block].Set].Seeds, own[block].Part);
                var (start, tensors) = Share(rank, rank == group.Rank ? own[block].Start : 0, shared, gram.device);
                // Of each pair of blocks the later one computes, the rank first.
                foreach (var (mine, i) in own.Select((mine, i) => (mine, i)).Where(pair => group.Rank > rank || (group.Rank == rank && pair.i >= block)))
                {
                    passes.Capture(mine.Part, sets[mine.Set].Seeds, captured =>
                    {
                        using var other = new SharedCapture(captured, tensors);
                        using var product = captured.CrossGram(other.Gradients, only); // [n, m]
                        gram.narrow(0, mine.Start, product.shape[0]).narrow(1, start, product.shape[1]).copy_(product);
                        gram.narrow(0, start, product.shape[1]).narrow(1, mine.Start, product.shape[0]).copy_(product.t());
                    });
                }
            }
        }

        group.AllReduce([gram]);
        group.Exchange = "inputs and errors of one micro-batch after the other";
        return gram.MoveToOuterDisposeScope();
    }

    private bool SendsSources(Part part) => SourceBytes(part) is { } bytes
        && TrafficCount.OfAllGather(bytes, group.Size) < TrafficCount.OfAllToAll(FormedBytes(part), group.Size);

    // Of all rows.
    private double FormedBytes(Part part) => (double)part.Captures.Count * rows * part.Parameter.numel() * part.First.Error.ElementSize;

    // Of all rows; null where they cannot be sent.
    private double? SourceBytes(Part part)
    {
        var samples = part.First.Error.shape[0];
        var bytes = 0.0;
        foreach (var (use, error) in part.Captures[0])
        {
            if (!IsPortable(use, samples))
            {
                return null;
            }

            bytes += use.KeptRows!.Sum(BytesOfRow) + (part.Captures.Count * BytesOfRow(error));
        }

        return bytes * rows;
    }

    private static bool IsPortable(ParameterUse use, long samples) => use.KeptRows is { } kept && kept.All(tensor => tensor.shape[0] == samples);

    private static double BytesOfRow(Tensor tensor) => (double)tensor.numel() / tensor.shape[0] * tensor.ElementSize;

    // The gradients of this process's rows of all those parameters, side by side, in pieces that keep to a limit: [D, n, P'].
    private void ForEachPiece(IReadOnlyList<Part> parts, Action<Tensor> take)
    {
        var pieces = new List<(Part Part, long Start, long Count)>();
        var bytes = 0.0;
        foreach (var part in parts)
        {
            var length = part.First.Use.Length;
            var perIndex = (double)part.Captures.Count * Most * (part.Parameter.numel() / length) * part.First.Error.ElementSize;
            for (var start = 0L; start < length;)
            {
                var count = (long)Math.Clamp((ColumnBytes - bytes) / perIndex, 1, length - start);
                pieces.Add((part, start, count));
                bytes += count * perIndex;
                start += count;
                if (bytes >= ColumnBytes)
                {
                    Form(pieces, take);
                    pieces.Clear();
                    bytes = 0;
                }
            }
        }

        if (pieces.Count > 0)
        {
            Form(pieces, take);
        }
    }

    private void Form(IReadOnlyList<(Part Part, long Start, long Count)> pieces, Action<Tensor> take)
    {
        using var scope = NewDisposeScope();
        var sets = Enumerable.Range(0, pieces[0].Part.Captures.Count).Select(set => cat([.. pieces.Select(piece => piece.Part.Rows(set, piece.Start, piece.Count))], 1));
        take(stack([.. sets]).narrow(1, 0, _share.Count));
    }

    // Rows that are formed are what an expanded parameter has as errors.
    private static void AddGram(Tensor gram, Parameter parameter, Tensor formed, ScalarType type)
    {
        if (formed.shape[2] > 0)
        {
            using var use = new BroadcastUse(parameter);
            use.AddGram(gram, formed.reshape(-1, formed.shape[2]), type);
        }
    }

    private void AddSources(Tensor gram, Part part)
    {
        using var scope = NewDisposeScope();
        var (start, count) = _share;
        var all = new List<List<(ParameterUse Use, Tensor Error)>>(); // by capture
        try
        {
            foreach (var (use, i) in part.Captures[0].Select((pair, i) => (pair.Use, i)))
            {
                var kept = use.KeptRows!.Select(Gather).ToList();
                for (var set = 0; set < part.Captures.Count; set++)
                {
                    if (i == 0)
                    {
                        all.Add([]);
                    }

                    all[set].Add((use.WithRows(kept), Gather(part.Captures[set][i].Error)));
                }
            }

            for (var set = 0; set < part.Captures.Count && count > 0; set++)
            {
                for (var other = 0; other < all.Count; other++)
                {
                    using var pairScope = NewDisposeScope();
                    var block = zeros(part.First.Error.shape[0], rows, dtype: ScalarType.Float64, device: gram.device); // [n, N]
                    foreach (var (use, error) in part.Captures[set])
                    {
                        all[other].ForEach(pair => use.AddCrossGram(block, error, pair.Use, pair.Error));
                    }

                    gram.narrow(0, (set * rows) + start, count).narrow(1, other * rows, rows).AddInPlace(block.narrow(0, 0, count));
                }
            }
        }
        finally
        {
            all.ForEach(uses => uses.ForEach(pair => pair.Use.Dispose()));
        }

        Tensor Gather(Tensor own) => group.GatherRows(own.narrow(0, 0, count), _counts);
    }

    private static List<Tensor> Export(IMicroBatches passes, Tensor seeds, int part)
    {
        var tensors = new List<Tensor>();
        passes.Capture(part, seeds, captured =>
        {
            foreach (var uses in captured.UsesByParameter)
            {
                var own = uses.All(pair => IsPortable(pair.Use, captured.SampleCount))
                    ? uses.SelectMany(pair => pair.Use.KeptRows!.Append(pair.Error))
                    : [captured.RowsOf(uses[0].Use.Parameter)];
                tensors.AddRange(own.Select(tensor => tensor.clone().MoveToOuterDisposeScope()));
            }
        });
        return tensors;
    }

    // Gives all processes the tensors of one, and where in the matrix they belong.
    private (long Start, List<Tensor> Tensors) Share(int rank, long start, List<Tensor>? own, Device device)
    {
        var numbers = MemoryMarshal.Cast<byte, long>(group.OfOne(own is null ? null : MemoryMarshal.AsBytes<long>([start, own.Count]).ToArray(), rank)).ToArray();
        return (numbers[0], [.. Enumerable.Range(0, (int)numbers[1]).Select(i => group.TensorOfOne(own?[i], rank, device))]);
    }

    private void Note(string what, double formed, double sources) => group.Exchange = (formed, sources) switch
    {
        ( > 0, > 0) => FormattableString.Invariant($"{what} of gradients for {formed / (formed + sources):P0} of the bytes, inputs and errors of layers for the others"),
        ( > 0, _) => $"{what} of gradients",
        _ => "inputs and errors of layers",
    };

    // One parameter's uses in each of D captures.
    private sealed record Part(IReadOnlyList<IReadOnlyList<(ParameterUse Use, Tensor Error)>> Captures)
    {
        public (ParameterUse Use, Tensor Error) First => Captures[0][0];

        public Parameter Parameter => First.Use.Parameter;

        // Some of the gradients of a capture's rows, [n, P'].
        public Tensor Rows(int set, long start, long count) => Captures[set]
            .Select(pair => pair.Use.PerSampleSlice(pair.Error, start, count)).Aggregate((sum, term) => sum.Plus(term)).flatten(1);
    }

    // The capture of another process's rows, with the structure of one of this process.
    private sealed class SharedCapture : IDisposable
    {
        private readonly List<(ParameterUse Use, Tensor Error)> _uses = [];

        public SharedCapture(CapturedGradients own, IReadOnlyList<Tensor> tensors)
        {
            var next = 0;
            foreach (var uses in own.UsesByParameter)
            {
                if (!uses.All(pair => IsPortable(pair.Use, own.SampleCount)))
                {
                    _uses.Add((new BroadcastUse(uses[0].Use.Parameter), tensors[next++].view([-1, .. uses[0].Use.Parameter.shape])));
                    continue;
                }

                foreach (var (use, _) in uses)
                {
                    var kept = use.KeptRows!.Select(_ => tensors[next++]).ToList();
                    _uses.Add((use.WithRows(kept), tensors[next++]));
                }
            }

            Gradients = new CapturedGradients(_uses);
        }

        public CapturedGradients Gradients { get; }

        public void Dispose() => _uses.ForEach(pair => pair.Use.Dispose());
    }
}
