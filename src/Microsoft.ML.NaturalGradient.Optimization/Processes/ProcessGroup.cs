using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Processes;

/// <summary>What the processes of a run exchange, as tensors, and how much that is.</summary>
/// <remarks>
/// Every method is called by all processes in the same order, with tensors of the same types and shapes, but for the rows that each has. Tensors that are not on the CPU
/// are exchanged by way of it.
/// </remarks>
/// <param name="collective">The processes.</param>
/// <param name="mostAtOnce">Most bytes of a tensor or of lists, of all processes together, that go in one exchange; larger ones go in parts, each of at least a column or byte.</param>
internal sealed class ProcessGroup(ICollective collective, long mostAtOnce = ProcessGroup.UsuallyAtOnce)
{
    private const long UsuallyAtOnce = 1L << 30; // MPI and .NET count bytes in 31 bits
    private const long ReducedAtOnce = 64L << 20; // bytes

    /// <summary>Number of this process, from 0.</summary>
    public int Rank => collective.Rank;

    /// <summary>Number of processes K.</summary>
    public int Size => collective.Size;

    /// <summary>What this process has sent.</summary>
    public TrafficCount Sent { get; private set; }

    /// <summary>How per-sample gradients were exchanged last, as the end of a sentence; null where none were.</summary>
    public string? Exchange { get; set; }

    /// <summary>Makes a group of processes.</summary>
    /// <param name="collective">The processes; null for none but this.</param>
    /// <returns>The group; null where there is a single process.</returns>
    public static ProcessGroup? Of(ICollective? collective) => collective is { Size: > 1 } ? new ProcessGroup(collective) : null;

    /// <summary>The rows that a process evaluates.</summary>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="rank">The process; null for this one.</param>
    public RowShare Share(long rows, int? rank = null) => RowShare.Of(rows, rank ?? Rank, Size);

    /// <summary>Adds up tensors over the processes, element by element.</summary>
    /// <param name="tensors">The tensors; changed in place, to the same bits in every process.</param>
    public void AllReduce(IEnumerable<Tensor> tensors)
    {
        using var noGrad = no_grad();
        foreach (var group in tensors.GroupBy(tensor => tensor.dtype).OrderBy(group => group.Key))
        {
            var together = new List<Tensor>();
            var bytes = 0L;
            foreach (var tensor in group)
            {
                together.Add(tensor);
                bytes += tensor.numel() * tensor.ElementSize;
                if (bytes >= ReducedAtOnce)
                {
                    AllReduceTogether(together);
                    (together, bytes) = ([], 0);
                }
            }

            AllReduceTogether(together);
        }
    }

    /// <summary>Puts the rows of all processes together.</summary>
    /// <param name="own">The rows of this process, [n, ...], with n those of its <see cref="Share"/>.</param>
    /// <param name="rows">Rows N of all.</param>
    /// <returns>[N, ...], in the caller's dispose scope.</returns>
    public Tensor GatherRows(Tensor own, long rows) => GatherRows(own, [.. Enumerable.Range(0, Size).Select(rank => Share(rows, rank).Count)]);

    /// <summary>Puts the rows of all processes together.</summary>
    /// <param name="own">The rows of this process, [n, ...].</param>
    /// <param name="counts">Rows of each process.</param>
    /// <returns>[N, ...], in the caller's dispose scope.</returns>
    public Tensor GatherRows(Tensor own, IReadOnlyList<long> counts)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var width = own.shape.Skip(1).Aggregate(1L, (product, size) => product * size);
        var sent = own.detach().cpu().reshape(own.shape[0], width);
        var all = empty([counts.Sum(), width], own.dtype, CPU); // [N, P]
        foreach (var columns in Parts(width, all.numel() * all.ElementSize))
        {
            using var partScope = NewDisposeScope();
            var (piece, part) = (columns.Of(sent, 1).contiguous(), columns.Of(all, 1).contiguous());
            var bytes = columns.Count * all.ElementSize;
            collective.AllGather(BytesOf(piece), BytesOf(part), [.. counts.Select(count => checked((int)(count * bytes)))]);
            Sent = Sent.Plus(TrafficCount.OfAllGather(counts.Sum() * bytes, Size));
            if (columns.Count < width)
            {
                columns.Of(all, 1).copy_(part);
            }
        }

        return all.view([counts.Sum(), .. own.shape.AsSpan(1)]).to(own.device).MoveToOuterDisposeScope();
    }

    /// <summary>Gives each process the same columns of the rows of all: n of N rows with P columns become N rows with about P/K columns.</summary>
    /// <param name="own">The rows of this process in D sets, [D, n, P].</param>
    /// <param name="counts">Rows n of each process.</param>
    /// <returns>The columns of this process, [D, N, p]; in the caller's dispose scope.</returns>
    public Tensor ExchangeColumns(Tensor own, IReadOnlyList<long> counts)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (sets, rows, width, size) = (own.shape[0], own.shape[1], own.shape[2], (long)own.ElementSize);
        var shares = Enumerable.Range(0, Size).Select(rank => RowShare.Of(width, rank, Size)).ToArray();
        var found = new List<Tensor>(); // [D, N, a part of the columns]
        foreach (var part in Parts(shares.Max(share => share.Count), sets * counts.Sum() * width * size))
        {
            var columns = Array.ConvertAll(shares, share => share.Within(part));
            var mine = columns[Rank].Count;
            var sent = cat([.. columns.Select(share => share.Of(own, 2).flatten())]).cpu();
            var received = empty(sets * counts.Sum() * mine, dtype: own.dtype, device: CPU);
            collective.AllToAll(
                BytesOf(sent), [.. columns.Select(share => checked((int)(sets * rows * share.Count * size)))],
                BytesOf(received), [.. counts.Select(count => checked((int)(sets * count * mine * size)))]);
            Sent = Sent.Plus(TrafficCount.OfAllToAll(sets * counts.Sum() * columns.Sum(share => share.Count) * size, Size));
            var pieces = received.split([.. counts.Select(count => sets * count * mine)]).Zip(counts, (piece, count) => piece.view(sets, count, mine));
            found.Add(cat([.. pieces], 1));
        }

        return (found.Count == 1 ? found[0] : cat(found, 2)).to(own.device).MoveToOuterDisposeScope(); // [D, N, p]
    }

    /// <summary>Gives every process the values of one.</summary>
    /// <param name="tensor">The values; changed in place in the other processes.</param>
    /// <param name="root">Rank of the process that has them.</param>
    public void Broadcast(Tensor tensor, int root = 0)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var values = tensor.detach().cpu().contiguous();
        foreach (var part in Parts(values.numel(), values.numel() * values.ElementSize))
        {
            Broadcast(BytesOf(part.Of(values.view(-1), 0)), root);
        }

        if (Rank != root)
        {
            tensor.detach().copy_(values);
        }
    }

    /// <summary>Gives every process the tensor of one.</summary>
    /// <param name="own">The tensor; only read in the process that has it, null in the others.</param>
    /// <param name="root">Its rank.</param>
    /// <param name="device">Where the others make it.</param>
    /// <returns>The tensor, in the caller's dispose scope; <paramref name="own"/> in the process that has it.</returns>
    public Tensor TensorOfOne(Tensor? own, int root, Device device)
    {
        var form = own is null || Rank != root ? null : MemoryMarshal.AsBytes<long>([(long)own.dtype, .. own.shape]).ToArray();
        var numbers = MemoryMarshal.Cast<byte, long>(OfOne(form, root)).ToArray();
        var tensor = Rank == root ? own! : empty(numbers[1..], (ScalarType)numbers[0], device);
        Broadcast(tensor, root);
        return tensor;
    }

    /// <summary>Gives every process the number of the first.</summary>
    /// <param name="value">This process's own.</param>
    public double OfFirst(double value)
    {
        Span<double> all = [value];
        Broadcast(MemoryMarshal.AsBytes(all), 0);
        return all[0];
    }

    /// <summary>Gives every process the bytes of one.</summary>
    /// <param name="bytes">The bytes; only read in the process that has them, null in the others.</param>
    /// <param name="root">Its rank.</param>
    public byte[] OfOne(byte[]? bytes, int root)
    {
        Span<long> length = [bytes?.Length ?? 0];
        Broadcast(MemoryMarshal.AsBytes(length), root);
        var all = Rank == root ? bytes! : new byte[length[0]];
        Broadcast(all, root);
        return all;
    }

    /// <summary>Gives every process the file of the first.</summary>
    /// <param name="path">Its path, read in the first process only; null there for none.</param>
    /// <param name="folder">Folder of temporary files; null for the system's.</param>
    /// <returns>That path in the first process, that of a temporary file in the others, which is the caller's to delete; null for none.</returns>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    public string? FileOfFirst(string? path, string? folder)
    {
        using var source = Rank == 0 && path is not null ? File.OpenRead(path) : null;
        var length = (long)OfFirst(source?.Length ?? -1);
        if (length < 0)
        {
            return null;
        }

        path = Rank == 0 ? path : Path.Combine(folder ?? Path.GetTempPath(), Path.GetRandomFileName());
        using var target = Rank == 0 ? null : new FileStream(path!, PrivateFile.Options(FileAccess.Write));
        var piece = new byte[Math.Min(length, ReducedAtOnce)];
        for (var start = 0L; start < length; start += piece.Length)
        {
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, length - start));
            source?.ReadExactly(part);
            Broadcast(part, 0);
            target?.Write(part);
        }

        return path;
    }

    /// <summary>Adds up numbers over the processes.</summary>
    /// <param name="values">This process's own; changed to the sums.</param>
    public void AllReduce(Span<double> values)
    {
        collective.AllReduce(values);
        Sent = Sent.Plus(TrafficCount.OfAllReduce(values.Length * sizeof(double), Size));
    }

    /// <summary>Whether any process says yes.</summary>
    /// <param name="own">What this process says.</param>
    public bool Any(bool own)
    {
        Span<double> votes = [own ? 1 : 0];
        AllReduce(votes);
        return votes[0] > 0;
    }

    /// <summary>Stops all processes where one is to stop.</summary>
    /// <param name="action">Throws an <see cref="OperationCanceledException"/> where this one is; null for never.</param>
    /// <exception cref="OperationCanceledException">One is.</exception>
    public void StopTogether(Action? action)
    {
        OperationCanceledException? stopped = null;
        try
        {
            action?.Invoke();
        }
        catch (OperationCanceledException e)
        {
            stopped = e;
        }

        if (Any(stopped is not null))
        {
            throw stopped ?? new OperationCanceledException("Another process was told to stop.");
        }
    }

    /// <summary>Tells what a step exchanges.</summary>
    /// <param name="rows">Rows of the batch.</param>
    /// <param name="before"><see cref="Sent"/> before the step.</param>
    /// <returns>A sentence.</returns>
    public string DescribeStep(long rows, TrafficCount before)
    {
        var counts = Enumerable.Range(0, Size).Select(rank => Share(rows, rank).Count).ToArray();
        var shares = counts.Min() == counts.Max() ? FormattableString.Invariant($"{counts[0]}") : FormattableString.Invariant($"{counts.Min()} or {counts.Max()}");
        return FormattableString.Invariant($"Each of {Size} processes evaluates {shares} rows of a batch and sends {Sent.Since(before).Bytes / 1e6:G3} MB a step")
            + $"{(Exchange is null ? "" : $"; per-sample gradients are exchanged as {Exchange}")}.";
    }

    /// <summary>Puts lists of all processes together.</summary>
    /// <typeparam name="T">Kind of items.</typeparam>
    /// <param name="own">The items of this process.</param>
    /// <param name="write">Writes an item.</param>
    /// <param name="read">Reads what <paramref name="write"/> wrote.</param>
    /// <returns>The items of the first process, then those of the second, and so on.</returns>
    public IReadOnlyList<T> Concatenate<T>(IReadOnlyList<T> own, Action<BinaryWriter, T> write, Func<BinaryReader, T> read)
    {
        var lists = Enumerable.Range(0, Size).Select(rank => rank == Rank ? [.. own] : new List<T>()).ToArray();
        GatherItems(own, write, (rank, reader) => lists[rank].Add(read(reader)));
        return [.. lists.SelectMany(list => list)];
    }

    /// <summary>Gives every process the items of all others, in as many rounds as keep what is in memory small.</summary>
    /// <typeparam name="T">Kind of items.</typeparam>
    /// <param name="own">The items of this process; gone through once.</param>
    /// <param name="write">Writes an item.</param>
    /// <param name="read">Reads an item of another process, whose rank it is told; called for the items of one process in their order.</param>
    public void GatherItems<T>(IEnumerable<T> own, Action<BinaryWriter, T> write, Action<int, BinaryReader> read)
    {
        using var items = own.GetEnumerator();
        var isMore = items.MoveNext();
        do
        {
            using var block = new MemoryStream();
            using var writer = new BinaryWriter(block);
            for (; isMore && block.Length < ReducedAtOnce / Size; isMore = items.MoveNext())
            {
                write(writer, items.Current);
                writer.Flush();
            }

            var pieces = Gather(block.GetBuffer().AsSpan(0, (int)block.Length));
            for (var rank = 0; rank < Size; rank++)
            {
                using var reader = new BinaryReader(new MemoryStream(rank == Rank ? [] : pieces[rank]));
                while (reader.BaseStream.Position < reader.BaseStream.Length)
                {
                    read(rank, reader);
                }
            }
        }
        while (Any(isMore));
    }

    /// <summary>Tells every process what all say.</summary>
    /// <param name="own">What this process says; null for nothing.</param>
    /// <returns>By rank.</returns>
    public string?[] Tell(string? own)
    {
        var told = Gather(own is null ? [] : Encoding.UTF8.GetBytes("=" + own)); // so that an empty text is not nothing
        return Array.ConvertAll(told, text => text.Length == 0 ? null : Encoding.UTF8.GetString(text, 1, text.Length - 1));
    }

    /// <summary>Ends all processes.</summary>
    /// <param name="reason">What went wrong, as a sentence.</param>
    public void Abort(string reason) => collective.Abort(reason);

    // The bytes of all, by rank.
    private byte[][] Gather(ReadOnlySpan<byte> own)
    {
        Span<double> lengths = new double[Size];
        lengths[Rank] = own.Length;
        AllReduce(lengths);
        var shares = Array.ConvertAll(lengths.ToArray(), length => new RowShare(0, (long)length));
        var gathered = Array.ConvertAll(shares, share => new byte[share.Count]);
        var longest = shares.Max(share => share.Count);
        foreach (var part in Parts(longest, longest * Size))
        {
            GatherPart(own, Array.ConvertAll(shares, share => share.Within(part)), gathered);
        }

        return gathered;
    }

    private void GatherPart(ReadOnlySpan<byte> own, RowShare[] parts, byte[][] gathered)
    {
        var counts = Array.ConvertAll(parts, part => (int)part.Count);
        var all = new byte[counts.Sum()];
        collective.AllGather(own.Slice((int)parts[Rank].Start, counts[Rank]), all, counts);
        Sent = Sent.Plus(TrafficCount.OfAllGather(all.Length, Size));
        var start = 0;
        for (var rank = 0; rank < Size; rank++)
        {
            all.AsSpan(start, counts[rank]).CopyTo(gathered[rank].AsSpan((int)parts[rank].Start));
            start += counts[rank];
        }
    }

    private void Broadcast(Span<byte> bytes, int root)
    {
        collective.Broadcast(bytes, root);
        Sent = Sent.Plus(TrafficCount.OfBroadcast(bytes.Length, Size));
    }

    private void AllReduceTogether(List<Tensor> tensors)
    {
        if (tensors.Count == 0)
        {
            return;
        }

        using var scope = NewDisposeScope();
        var flat = cat([.. tensors.Select(tensor => tensor.detach().flatten())]).cpu();
        var step = ReducedAtOnce / flat.ElementSize;
        for (var start = 0L; start < flat.numel(); start += step)
        {
            var part = flat.narrow(0, start, Math.Min(step, flat.numel() - start));
            if (flat.dtype == ScalarType.Float64)
            {
                collective.AllReduce(MemoryMarshal.Cast<byte, double>(BytesOf(part)));
            }
            else
            {
                collective.AllReduce(MemoryMarshal.Cast<byte, float>(BytesOf(part)));
            }

            Sent = Sent.Plus(TrafficCount.OfAllReduce(part.numel() * part.ElementSize, Size));
        }

        foreach (var (tensor, sum) in tensors.Zip(flat.split([.. tensors.Select(tensor => tensor.numel())])))
        {
            tensor.detach().copy_(sum.view(tensor.shape));
        }
    }

    // Parts of so many columns, of which all together have so many bytes.
    private IEnumerable<RowShare> Parts(long columns, long bytes)
    {
        var count = (int)Math.Max(1, Math.Min(columns, (bytes + mostAtOnce - 1) / mostAtOnce));
        return Enumerable.Range(0, count).Select(part => RowShare.Of(columns, part, count));
    }

    private static Span<byte> BytesOf(Tensor tensor) => tensor.numel() == 0 ? [] : tensor.bytes;
}
