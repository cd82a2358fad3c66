using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>Folders as this library, an earlier version of it, and other programs save them.</summary>
internal static class SavedFolder
{
    /// <summary>A folder or file that version 88fc14d of this library saved; see Fixtures/README.md.</summary>
    public static string Earlier(string name) => Path.Combine(AppContext.BaseDirectory, "Fixtures", "saved", name);

    /// <summary>The scores of an earlier model.</summary>
    public static float[] EarlierScores(string name) =>
        [.. Fixture.Read("saved/scores.json").GetProperty(name).EnumerateArray().SelectMany(row => row.EnumerateArray()).Select(value => value.GetSingle())];

    /// <summary>The tiny reference checkpoint of an architecture with a vocabulary for the tiny rows.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="name">Name of the fixture.</param>
    /// <param name="architecture">What config.json names in place of the classifier; null keeps it.</param>
    public static PretrainedModel Base(string folder, string name, string? architecture = null)
    {
        Directory.CreateDirectory(folder);
        var fixture = new EncoderFixture(name);
        foreach (var (file, content) in architecture is null ? fixture.Contents() : fixture.Contents(("architectures", new[] { architecture })))
        {
            File.WriteAllBytes(Path.Combine(folder, file), content);
        }

        File.Copy(Path.Combine(TinyText.Folder, "vocab.txt"), Path.Combine(folder, "vocab.txt"), overwrite: true);
        return PretrainedModel.FromFolder(folder);
    }

    public static JsonObject Json(string folder, string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, name)))!.AsObject();

    public static string[] WeightNames(string folder, string name = "model.safetensors")
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, name));
        return [.. file.Names];
    }

    /// <summary>What PEFT makes of a folder that it reads and saves elsewhere: its own fields and weights, and nothing else.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="target">Where to.</param>
    /// <param name="metadata">Whether the weights keep the one entry that PEFT writes.</param>
    public static string SaveAgain(string folder, string target, bool metadata = true)
    {
        Directory.CreateDirectory(target);
        var config = Json(folder, AdapterConfig.FileName);
        config["peft_version"] = "0.21.2";
        config["modules_to_save"] = new JsonArray([.. config["modules_to_save"]!.AsArray().Select(name => name!.DeepClone()), "classifier", "score"]);
        File.WriteAllText(Path.Combine(target, AdapterConfig.FileName), JsonSerializer.Serialize(config));
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path.Combine(folder, AdapterConfig.WeightsName));
        using var stream = File.Create(Path.Combine(target, AdapterConfig.WeightsName));
        SafetensorsWriter.Write(
            stream, file.Names.Select(name => new SafetensorsEntry(name, file.Read(name, ScalarType.Float32))),
            metadata ? new Dictionary<string, string> { ["format"] = "pt" } : null);
        return target;
    }

    public static float[] Scores(ITransformer model, IDataView data) => [.. TinyText.Scores(model, data).SelectMany(row => row)];

    public static void AssertClose(float[] expected, float[] actual, float tolerance = 1e-5f)
    {
        Assert.HasCount(expected.Length, actual);
        Fixture.AssertLess(tolerance, expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)));
    }
}
