using System.Text.Json;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Tests.Models;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML.NaturalGradient.Tests.Checkpoints;

[TestClass]
public sealed class ClassifierConfigTests
{
    [TestMethod]
    [DataRow("""{"1": 5, "0": 1}""", "1 5")] // of a data set whose classes are numbers
    [DataRow("""{"1": "b", "0": "a"}""", "a b")]
    [DataRow("""{"0": "a", "2": "b"}""", null)]
    [DataRow("""{"0": "a", "1": null}""", null)]
    public void ReadClasses_Names_AreInTheOrderOfTheirNumbers(string names, string? expected)
    {
        var classes = ClassifierConfig.ReadClasses(System.Text.Encoding.UTF8.GetBytes($$"""{"id2label": {{names}} }"""));

        Assert.AreEqual(expected, classes is null ? null : string.Join(' ', classes));
    }

    [TestMethod]
    [DataRow("bert", "BertModel", true)]
    [DataRow("bert", "BertForSequenceClassification", false)]
    [DataRow("t5", "T5ForConditionalGeneration", false)]
    [DataRow("vit", "ViTModel", false)]
    [DataRow("vit", "ViTForImageClassification", false)]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher", false)]
    [DataRow("dinov2", "Dinov2Model", false)]
    public void IsBareTextEncoder_IsATextEncoderWithoutHead(string type, string architecture, bool expected)
    {
        Assert.AreEqual(expected, ClassifierConfig.IsBareTextEncoder(Files(type, architecture)));
    }

    [TestMethod]
    [DataRow("bert", "BertModel", null, "BertForSequenceClassification")]
    [DataRow("bert", "BertModel", false, "BertForSequenceClassification")]
    [DataRow("bert", "BertForMaskedLM", null, "BertForSequenceClassification")]
    [DataRow("xlm-roberta", "XLMRobertaModel", null, "XLMRobertaForSequenceClassification")]
    [DataRow("camembert", "CamembertForMaskedLM", null, "CamembertForSequenceClassification")]
    [DataRow("mpnet", "MPNetForMaskedLM", null, "MPNetForSequenceClassification")]
    [DataRow("vit", "ViTModel", null, "ViTForImageClassification")]
    [DataRow("vit", "ViTForMaskedImageModeling", false, "ViTForImageClassification")]
    [DataRow("dinov2", "Dinov2Model", null, "Dinov2ForImageClassification")]
    [DataRow("dinov2", "Dinov2ForSequenceClassification", null, "Dinov2ForImageClassification")]
    [DataRow("deit", "DeiTModel", null, "DeiTForImageClassification")]
    [DataRow("deit", "DeiTModel", true, "DeiTForImageClassificationWithTeacher")]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher", false, "DeiTForImageClassification")]
    [DataRow("deit", "DeiTForImageClassification", true, "DeiTForImageClassificationWithTeacher")]
    public void OpenAsClassifier_OtherClass_NamesTheClassifier(string type, string architecture, bool? withTeacher, string expected)
    {
        using var files = new MemoryCheckpointFiles(Files(type, architecture), "the model x");

        using var classifier = ClassifierConfig.OpenAsClassifier(files, withTeacher);

        var config = ModelConfig.Read(classifier);
        Assert.AreEqual(expected, string.Join(' ', config.Architectures));
        Assert.AreEqual(type, config.ModelType);
        Assert.AreEqual("the model x", classifier.Description);
    }

    [TestMethod]
    [DataRow("bert", "BertForSequenceClassification", null)]
    [DataRow("bert", "BertForSequenceClassification", true)]
    [DataRow("t5", "T5ForConditionalGeneration", null)]
    [DataRow("vit", "ViTForImageClassification", null)]
    [DataRow("dinov2", "Dinov2ForImageClassification", false)]
    [DataRow("deit", "DeiTForImageClassification", null)]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher", null)]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher", true)]
    public void OpenAsClassifier_ClassifierAlready_LeavesTheFiles(string type, string architecture, bool? withTeacher)
    {
        using var files = new MemoryCheckpointFiles(Files(type, architecture), "the model x");

        Assert.AreSame(files, ClassifierConfig.OpenAsClassifier(files, withTeacher));
    }

    [TestMethod]
    [DataRow("bert", "BertForSequenceClassification", "BertModel")]
    [DataRow("bert", "BertModel", null)]
    [DataRow("mean_pooled_bert", "MeanClassifier", null)]
    [DataRow("vit", "ViTForImageClassification", null)]
    [DataRow("t5", "T5ForConditionalGeneration", null)]
    public void OpenAsEncoder_Classifier_NamesTheBareEncoder(string type, string architecture, string? expected)
    {
        using var files = new MemoryCheckpointFiles(Files(type, architecture), "the model x");

        using var encoder = ClassifierConfig.OpenAsEncoder(files);

        Assert.AreEqual(expected ?? architecture, string.Join(' ', ModelConfig.Read(encoder).Architectures));
        Assert.AreEqual(expected is null, ReferenceEquals(files, encoder));
    }

    [TestMethod]
    public void OpenAsClassifier_MeanPooled_IsTheArchitecturesOwnAgain()
    {
        using var files = new MemoryCheckpointFiles(Files("mean_pooled_bert", "MeanClassifier"), "the model x");

        using var classifier = ClassifierConfig.OpenAsClassifier(files);

        StringAssert.Contains(System.Text.Encoding.UTF8.GetString(classifier.Read("config.json")), "\"model_type\": \"bert\"");
        Assert.AreEqual("BertForSequenceClassification", ModelConfig.Read(classifier).Architectures[0]);
    }

    [TestMethod]
    [DataRow("bert", "BertModel", "MeanClassifier")]
    [DataRow("mean_pooled_bert", "MeanClassifier", "MeanClassifier")]
    [DataRow("bert", "BertForSequenceClassification", "BertForSequenceClassification")]
    [DataRow("xlm-roberta", "XLMRobertaForSequenceClassification", "XLMRobertaForSequenceClassification")]
    [DataRow("camembert", "CamembertForSequenceClassification", "CamembertForSequenceClassification")]
    [DataRow("vit", "ViTModel", "ViTForImageClassification")]
    [DataRow("vit", "ViTForImageClassification", "ViTForImageClassification")]
    [DataRow("dinov2", "Dinov2Model", "Dinov2ForImageClassification")]
    [DataRow("deit", "DeiTModel", "DeiTForImageClassification")]
    [DataRow("deit", "DeiTForImageClassification", "DeiTForImageClassification")]
    [DataRow("deit", "DeiTForImageClassificationWithTeacher", "DeiTForImageClassificationWithTeacher")]
    public void Write_NamesClassifierAndClasses(string type, string architecture, string expected)
    {
        var written = ClassifierConfig.Write(Files(type, architecture), ["cat", "dog"], TextToTextSettings.None, PredictionNotes.None);

        using var config = JsonDocument.Parse(written);
        Assert.AreEqual(expected, config.RootElement.GetProperty("architectures")[0].GetString());
        Assert.AreEqual(expected == "MeanClassifier" ? "mean_pooled_bert" : type, config.RootElement.GetProperty("model_type").GetString());
        Assert.AreEqual("single_label_classification", config.RootElement.GetProperty("problem_type").GetString());
        Assert.AreEqual(2, config.RootElement.GetProperty("num_labels").GetInt32());
        Assert.AreEqual("dog", config.RootElement.GetProperty("id2label").GetProperty("1").GetString());
        Assert.AreEqual(1, config.RootElement.GetProperty("label2id").GetProperty("dog").GetInt32());
        Assert.AreEqual("float32", config.RootElement.GetProperty("dtype").GetString());
    }

    [TestMethod]
    [DataRow("vit", "ViT")]
    [DataRow("deit", "DeiT")]
    [DataRow("dinov2", "Dinov2")]
    public void ImageFixture_ClassNameAndClasses_AreThoseOfTheReference(string fixture, string className)
    {
        var files = new EncoderFixture(fixture).Contents();

        Assert.AreEqual(className, Architectures.Find(fixture)!.ClassName);
        Assert.AreEqual("LABEL_0 LABEL_1 LABEL_2", string.Join(' ', ClassifierConfig.ReadClasses(files)!));
        // The reference library's own name of the classifier.
        using var config = JsonDocument.Parse(ClassifierConfig.Write(files, ["a", "b", "c"], TextToTextSettings.None, PredictionNotes.None));
        using var reference = JsonDocument.Parse(files[CheckpointFiles.ConfigName]);
        Assert.AreEqual(
            reference.RootElement.GetProperty("architectures")[0].GetString(), config.RootElement.GetProperty("architectures")[0].GetString());
    }

    private static Dictionary<string, byte[]> Files(string type, string architecture) => new()
    {
        [CheckpointFiles.ConfigName] = JsonSerializer.SerializeToUtf8Bytes(
            new { model_type = type, architectures = new[] { architecture }, dtype = "float16" }),
    };
}
