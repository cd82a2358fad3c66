using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

/// <summary>Copies a model's folder with its weights divided among two files.</summary>
internal static class ShardedCopy
{
    public static void Create(string source, string target)
    {
        Directory.CreateDirectory(target);
        foreach (var file in Directory.EnumerateFiles(source).Where(file => Path.GetExtension(file) != ".safetensors"))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        using var scope = NewDisposeScope();
        using var weights = SafetensorsFile.Open(Path.Combine(source, CheckpointFiles.WeightsName));
        var map = new Dictionary<string, string>();
        foreach (var (part, names) in weights.Names.Index().GroupBy(name => name.Index % 2, name => name.Item).Index())
        {
            var shard = $"model-0000{part + 1}-of-00002.safetensors";
            using var stream = File.Create(Path.Combine(target, shard));
            SafetensorsWriter.Write(stream, names.Select(name => new SafetensorsEntry(name, weights.Read(name, weights.TypeOf(name)))));
            foreach (var name in names)
            {
                map.Add(name, shard);
            }
        }

        File.WriteAllText(
            Path.Combine(target, "model.safetensors.index.json"), JsonSerializer.Serialize(new { metadata = new { total_size = 1 }, weight_map = map }));
    }
}
