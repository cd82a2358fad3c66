using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Microsoft.ML.NaturalGradient.Tests;

/// <summary>A disk of few bytes, in memory, that can be filled. A test is inconclusive where none can be made.</summary>
internal sealed class SmallDisk : IDisposable
{
    /// <summary>Bytes that it gives out at a time.</summary>
    public const int BlockSize = 4096;

    public SmallDisk(int kibibytes)
    {
        Folder = Directory.CreateTempSubdirectory("small-disk").FullName;
        if (!OperatingSystem.IsLinux() || !TryRun("mount", "-t", "tmpfs", "-o", string.Create(CultureInfo.InvariantCulture, $"size={kibibytes}k"), "tmpfs", Folder))
        {
            Directory.Delete(Folder);
            Assert.Inconclusive("Needs Linux, and the right to mount a disk in memory.");
        }
    }

    /// <summary>Where it is.</summary>
    public string Folder { get; }

    private string Filler => Path.Combine(Folder, "filler");

    /// <summary>Fills it, but for some blocks.</summary>
    public void Fill(int freeBlocks = 0)
    {
        Free();
        using var filler = new FileStream(Filler, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        var block = new byte[BlockSize];
        try
        {
            while (true)
            {
                filler.Write(block);
            }
        }
        catch (IOException)
        {
            filler.SetLength(Math.Max(0, filler.Length - ((long)freeBlocks * BlockSize)));
        }
    }

    /// <summary>Gives back what <see cref="Fill"/> took.</summary>
    public void Free() => File.Delete(Filler);

    public void Dispose()
    {
        TryRun("umount", Folder);
        Directory.Delete(Folder);
    }

    private static bool TryRun(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // there is no such program
        }
    }
}
