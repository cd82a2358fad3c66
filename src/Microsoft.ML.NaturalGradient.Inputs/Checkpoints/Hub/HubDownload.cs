using System.Net;
using Polly;

namespace Microsoft.ML.NaturalGradient.Checkpoints.Hub;

/// <summary>Downloads one file into the cache: what is there already is kept, and nothing is used before its hash has been verified.</summary>
/// <param name="client">The hub.</param>
/// <param name="retry">How failures of the moment are repeated.</param>
/// <param name="file">What the hub announced.</param>
/// <param name="path">Where the content goes; beside it, with <c>.incomplete</c>, the part that has arrived.</param>
/// <param name="progress">Told of every piece.</param>
internal sealed class HubDownload(HubClient client, ResiliencePipeline retry, HubRemoteFile file, string path, HubProgress progress)
{
    /// <summary>Name of the file that holds what has arrived so far.</summary>
    public const string PartSuffix = ".incomplete";

    private const int PieceBytes = 1 << 17;
    private const long MinProgress = 1 << 20; // a connection that is cut after this much does not count as a failure

    private readonly string _part = path + PartSuffix;
    private long _longest;

    /// <summary>Downloads the file. The content's lock is held.</summary>
    /// <exception cref="InvalidDataException">What the server sends is not what it announced; nothing of it is kept.</exception>
    /// <exception cref="HubUnreachableException">The server cannot be reached; what has arrived is kept for the next time.</exception>
    /// <exception cref="IOException">The disk is full.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var resumed = PartLength() > 0;
        try
        {
            await FetchAsync(cancellation);
            if (resumed && await HashAsync(cancellation) != file.Hash)
            {
                // The old part may have been of something else, or damaged; one more chance without it.
                File.Delete(_part);
                await FetchAsync(cancellation);
            }
            var hash = await HashAsync(cancellation);
            if (hash != file.Hash)
            {
                throw Wrong($"its hash is {hash}, but {file.Hash} was announced");
            }
        }
        catch (InvalidDataException)
        {
            File.Delete(_part);
            throw;
        }
        File.Move(_part, path, overwrite: true);
    }

    private Task<string> HashAsync(CancellationToken cancellation) => HubHash.ComputeAsync(_part, file.Hash, cancellation);

    private long PartLength() => new FileInfo(_part) is { Exists: true } part ? part.Length : 0;

    private async Task FetchAsync(CancellationToken cancellation)
    {
        HubDisk.CheckSpace(file, path, file.Size - PartLength());
        await using var output = new FileStream(_part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0);
        if (output.Length > file.Size)
        {
            Empty(output);
        }
        _longest = output.Length;
        while (output.Length < file.Size)
        {
            await retry.ExecuteAsync(token => FetchOnceAsync(output, token), cancellation);
        }
        HubDisk.Write(file, () => output.Flush(flushToDisk: true));
    }

    /// <summary>Asks once for what is missing.</summary>
    /// <exception cref="HubUnreachableException">The connection ended before much had arrived.</exception>
    private async ValueTask FetchOnceAsync(FileStream output, CancellationToken cancellation)
    {
        using var response = await client.DownloadAsync(file, output.Length, cancellation);
        Place(output, response);
        try
        {
            await CopyAsync(response, output, cancellation);
        }
        catch (HubUnreachableException) when (output.Length >= Math.Min(_longest + MinProgress, file.Size))
        {
            _longest = output.Length; // the next request goes on from here
        }
    }

    /// <summary>Sets the output to where the answer begins.</summary>
    private void Place(FileStream output, HttpResponseMessage response)
    {
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            var range = response.Content.Headers.ContentRange;
            if (range?.From != output.Length || (range.Length ?? file.Size) != file.Size)
            {
                Empty(output);
                throw Unfit(response, $"the range '{range}'");
            }
        }
        else if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            Empty(output);
            throw Unfit(response, "that the range is not there");
        }
        else
        {
            Empty(output); // the server does not do ranges, or has something newer
        }
        output.Position = output.Length;
        if (response.Content.Headers.ContentLength is { } length && output.Length + length != file.Size)
        {
            throw Wrong($"the server sends {output.Length + length} bytes, but {file.Size} were announced");
        }
    }

    private static void Empty(FileStream output)
    {
        if (output.Length > 0)
        {
            output.SetLength(0);
        }
    }

    private HubUnreachableException Unfit(HttpResponseMessage response, string what) => new(
        $"{response.RequestMessage!.RequestUri!.Authority} answered {what} when asked to go on with {file.Name}; it is downloaded "
        + "from the start.");

    private async Task CopyAsync(HttpResponseMessage response, FileStream output, CancellationToken cancellation)
    {
        var address = response.RequestMessage!.RequestUri!;
        await using var content = await client.WithinTimeoutAsync(address, response.Content.ReadAsStreamAsync, cancellation);
        var buffer = new byte[PieceBytes];
        while (true)
        {
            var count = await client.WithinTimeoutAsync(address, limit => content.ReadAsync(buffer, limit).AsTask(), cancellation);
            if (count == 0)
            {
                break;
            }
            if (output.Length + count > file.Size)
            {
                throw Wrong($"the server sends more than the {file.Size} bytes that were announced");
            }
            HubDisk.Write(file, () => output.Write(buffer, 0, count));
            progress.Advance(output.Length);
        }
        if (output.Length < file.Size)
        {
            throw HubErrors.NoAnswer(address, $"{file.Name} ended after {output.Length} of {file.Size} bytes");
        }
    }

    private InvalidDataException Wrong(string what) => new(
        $"The download of {file.Name} was refused: {what}. Try again later; if it stays so, a proxy or the hub changes the file.");
}
