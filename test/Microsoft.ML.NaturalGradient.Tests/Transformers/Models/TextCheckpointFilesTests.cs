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

    [TestMethod]
    [DataRow("mpnet", "0,4,2,2,4,2")]
    [DataRow("xlm-roberta", "0,4,2,2,4,2")]
    [DataRow("camembert", "5,7,6,6,7,6")]
    public void Load_NoFileNamesTheTokenizer_TakesThatOfTheArchitecture(string type, string expected)
    {
        (string, float, SentencePieceKind)[] pieces =
        [
            ("<unk>", 0, SentencePieceKind.Unknown), ("<s>", 0, SentencePieceKind.Control), ("</s>", 0, SentencePieceKind.Control),
            ("\u2581a", -1, SentencePieceKind.Normal),
        ];
        var contents = new EncoderFixture(type == "mpnet" ? "mpnet" : "roberta").Contents(("model_type", type));
        _ = contents.Remove("tokenizer_config.json");
        _ = contents.Remove("vocab.txt");
        contents[type == "mpnet" ? "vocab.txt" : "sentencepiece.bpe.model"] = type == "mpnet"
            ? "<s>\n<pad>\n</s>\n[UNK]\na\n"u8.ToArray()
            : TokenizerFixtures.ModelFile(pieces, trainer => TokenizerFixtures.WriteVarint(trainer, 40, 0), _ => { });
        using var files = new MemoryCheckpointFiles(contents, "the test");

        var checkpoint = TextCheckpoint.Load(files);

        using var encoder = checkpoint.Encoder;
        Assert.AreEqual(expected, checkpoint.Tokenizer.Ids("a", "a"));
        Assert.AreEqual(1, checkpoint.Tokenizer.PadId);
    }

    private static byte[] Read(string name)
    {
        using var files = BertFixture.OpenFiles();
        return files.Read(name);
    }
}
