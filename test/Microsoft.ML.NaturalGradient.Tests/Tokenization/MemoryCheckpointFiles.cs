using System.Text;
using Microsoft.ML.NaturalGradient.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Tokenization;

/// <summary>Checkpoint files that exist in memory only.</summary>
internal sealed class MemoryCheckpointFiles : CheckpointFiles
{
    private readonly Dictionary<string, byte[]> _files = [];

    public override string Description => "the test folder";

    public MemoryCheckpointFiles With(string name, string text) => With(name, Encoding.UTF8.GetBytes(text));

    public MemoryCheckpointFiles With(string name, byte[] bytes)
    {
        _files[name] = bytes;
        return this;
    }

    public override bool Exists(string name) => _files.ContainsKey(name);

    public override Stream Open(string name) => new MemoryStream(_files[name], writable: false);

    public override SafetensorsFile OpenSafetensors(string name) => throw new NotSupportedException();

    public override void Dispose()
    {
    }
}
