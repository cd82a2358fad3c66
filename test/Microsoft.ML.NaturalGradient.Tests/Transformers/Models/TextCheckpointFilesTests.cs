using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Tokenization;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Models;

[TestClass]
public sealed class TextCheckpointFilesTests
{
    private static readonly (string, float, SentencePieceKind)[] Pieces =
    [
        ("[PAD]", 0, SentencePieceKind.Control), ("[CLS]", 0, SentencePieceKind.Control), ("[SEP]", 0, SentencePieceKind.Control),
        ("[UNK]", 0, SentencePieceKind.Unknown), ("\u2581a", -1, SentencePieceKind.Normal),
    ];

    [TestMethod]
    public void Load_SentencePieceTokenizer_KeepsItsFileForSaving()
    {
        var model = TokenizerFixtures.ModelFile(Pieces, trainer => TokenizerFixtures.WriteVarint(trainer, 40, 3), _ => { });
        using var files = TokenizerFixtures.Files(
            (CheckpointFiles.ConfigName, Read(CheckpointFiles.ConfigName)),
            (CheckpointFiles.WeightsName, Read(CheckpointFiles.WeightsName)),
            ("spm.model", model),
            ("tokenizer_config.json", """{"tokenizer_class": "DebertaV2Tokenizer"}"""u8.ToArray()));

        var checkpoint = TextCheckpoint.Load(files);
        using var encoder = checkpoint.Encoder;
        using var again = new MemoryCheckpointFiles(new Dictionary<string, byte[]>(checkpoint.Files), "the saved files");

        Assert.AreEqual("1,4,2", checkpoint.Tokenizer.Ids("a"));
        Assert.AreEqual("1,4,5,2", TokenizerFactory.Create(again).Ids("a [MASK]"));
    }

    private static byte[] Read(string name)
    {
        using var files = BertFixture.OpenFiles();
        return files.Read(name);
    }
}
