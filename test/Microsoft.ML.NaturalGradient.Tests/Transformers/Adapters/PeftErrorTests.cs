using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Tests.Classification;
using static TorchSharp.torch;
using PublicCheckpoints = Microsoft.ML.Checkpoints;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Adapter files that cannot be used are refused with file, field and value.</summary>
[TestClass]
public sealed class PeftErrorTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("peft-errors").FullName;

    [TestCleanup]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [TestMethod]
    [DataRow("\"LORA\"", "\"IA3\"", "peft_type", "'IA3'", "LORA, PROMPT_TUNING")]
    [DataRow("\"layers_to_transform\": null", "\"layers_to_transform\": [1]", "layers_to_transform", "[1]", "merge_and_unload")]
    [DataRow("\"layers_to_transform\": null", "\"layers_to_transform\": 0", "layers_to_transform", "the value 0", "merge_and_unload")]
    [DataRow("\"use_qalora\": false", "\"use_qalora\": true", "use_qalora", "true", "not supported")]
    [DataRow("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out", "true", "not supported")]
    [DataRow("\"lora_bias\": false", "\"lora_bias\": true", "lora_bias", "true", "not supported")]
    [DataRow("\"loftq_config\": {}", "\"loftq_config\": {\"bits\": 4}", "loftq_config", "4", "not supported")]
    [DataRow("\"target_parameters\": null", "\"target_parameters\": [\"w\"]", "target_parameters", "\"w\"", "not supported")]
    [DataRow("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\"", "init_lora_weights", "'pissa_niter_4'", "base model's weights")]
    [DataRow("\"velora_config\": null", "\"invented_later\": 2", "invented_later", "2", "not supported")]
    public void LoadPeft_UnsupportedSetting_NamesFileFieldAndValue(string old, string changed, string field, string value, string advice)
    {
        PeftFixture.Copy("bert-lora", _folder, config => Replace(config, old, changed));

        var error = Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadPeft(_folder));

        AssertNames(error, "adapter_config.json", _folder, field, value, advice);
    }

    [TestMethod]
    [DataRow("\"r\": 4", "\"r\": \"four\"", "'r'", "\"four\"")]
    [DataRow("\"r\": 4", "\"r\": 0", "Rank", "0")]
    [DataRow("\"lora_alpha\": 8", "\"lora_alpha\": -1", "Alpha", "-1")]
    [DataRow("\"bias\": \"none\"", "\"bias\": \"some\"", "'bias'", "\"some\"")]
    [DataRow("\"rank_pattern\": {}", "\"rank_pattern\": {\"query\": 1.5}", "RankPattern", "'query'")]
    [DataRow("\"rank_pattern\": {}", "\"rank_pattern\": {\"query\": \"a\"}", "'rank_pattern'", "\"a\"")]
    [DataRow("\"alpha_pattern\": {}", "\"alpha_pattern\": {\"(\": 1}", "AlphaPattern", "'('")]
    [DataRow("\"target_modules\": [", "\"target_modules\": [7,", "'target_modules'", "7")]
    public void LoadPeft_SettingOutOfRange_NamesFileFieldAndValue(string old, string changed, string field, string value)
    {
        PeftFixture.Copy("bert-lora", _folder, config => Replace(config, old, changed));

        var error = Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadPeft(_folder));

        AssertNames(error, "adapter_config.json", _folder, field, value);
    }

    [TestMethod]
    [DataRow("\"RANDOM\"", "\"OTHER\"", "\"OTHER\"")]
    [DataRow("\"num_virtual_tokens\": 4", "\"num_virtual_tokens\": 0", "TokenCount is 0")]
    [DataRow("\"num_virtual_tokens\": 4,", "", "'num_virtual_tokens'")]
    public void LoadPeft_PromptSetting_NamesFileFieldAndValue(string old, string changed, string problem)
    {
        PeftFixture.Copy("bert-prompt", _folder, config => Replace(config, old, changed));

        var error = Assert.Throws<Exception>(() => PublicCheckpoints.LoadPeft(_folder));

        AssertNames(error, "adapter_config.json", _folder, problem);
    }

    [TestMethod]
    public void Attach_PromptForEncoderAndDecoder_DoesNotFitAnEncoder()
    {
        PeftFixture.Copy("bert-prompt", _folder, config => Replace(config, "\"num_transformer_submodules\": 1", "\"num_transformer_submodules\": 2"));
        var adapter = PublicCheckpoints.LoadPeft(_folder);

        AssertNames(Assert.ThrowsExactly<InvalidDataException>(() => PeftFixture.Create(adapter)), "num_transformer_submodules 2");
    }

    [TestMethod]
    public void LoadPeft_MissingOrDamagedFiles_SaysWhich()
    {
        AssertNames(Assert.ThrowsExactly<DirectoryNotFoundException>(() => PublicCheckpoints.LoadPeft(Path.Combine(_folder, "none"))), "none");
        AssertNames(Assert.ThrowsExactly<FileNotFoundException>(() => PublicCheckpoints.LoadPeft(_folder)), "adapter_config.json", _folder);
        File.WriteAllText(Path.Combine(_folder, "adapter_config.json"), "[");
        AssertNames(Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadPeft(_folder)), "adapter_config.json", _folder);
        File.WriteAllText(Path.Combine(_folder, "adapter_model.bin"), "");
        AssertNames(Assert.ThrowsExactly<NotSupportedException>(() => PublicCheckpoints.LoadPeft(_folder)), "pickle", "safe_serialization");
        PeftFixture.Copy("bert-lora", _folder);
        File.WriteAllText(Path.Combine(_folder, "adapter_model.safetensors"), "short");
        AssertNames(Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadPeft(_folder)), "adapter_model.safetensors", _folder);
    }

    [TestMethod]
    public void Restore_TensorsThatDoNotFit_ListsThem()
    {
        const string Query = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight";
        AssertRefused(tensors => tensors.Remove(Query), Query, "missing");
        AssertRefused(tensors => tensors["base_model.model.bert.extra.weight"] = zeros(2), "base_model.model.bert.extra.weight", "no place");
        AssertRefused(tensors => tensors[Query] = zeros(4, 25), Query, "[4, 25]", "[4, 24]");
        AssertRefused(tensors => tensors["base_model.model.classifier.weight"] = zeros(5, 24), "base_model.model.classifier.weight", "[5, 24]", "KeepHead");
        AssertRefused(tensors => tensors.Remove("base_model.model.classifier.bias"), "base_model.model.classifier.bias is missing");
    }

    [TestMethod]
    public void Attach_OtherArchitecture_SaysSo()
    {
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder("distilbert-lora"));

        AssertNames(Assert.ThrowsExactly<InvalidDataException>(() => PeftFixture.Create(adapter)), "distilbert-lora", "'bert'", "'q_lin'", "attention.self.query");
    }

    [TestMethod]
    public void Attach_OtherTask_NamesIt()
    {
        PeftFixture.Copy("bert-lora", _folder, config => Replace(config, "SEQ_CLS", "CAUSAL_LM"));

        var error = Assert.ThrowsExactly<NotSupportedException>(() => PeftFixture.Create(PublicCheckpoints.LoadPeft(_folder)));

        AssertNames(error, "task_type 'CAUSAL_LM'", "SEQ_CLS", _folder);
    }

    [TestMethod]
    public void LoadTextClassifier_ClassNames_MustFit()
    {
        var mlContext = new MLContext();
        var adapter = PublicCheckpoints.LoadPeft(PeftFixture.Folder("bert-lora"));

        AssertNames(Assert.ThrowsExactly<ArgumentException>(() => PublicCheckpoints.LoadTextClassifier(mlContext, TinyText.Model, adapter, ["a"])), "[a]", "two");
        AssertNames(
            Assert.ThrowsExactly<ArgumentException>(() => PublicCheckpoints.LoadTextClassifier(mlContext, TinyText.Model, adapter, ["a", "b", "a"])), "different");
        AssertNames(
            Assert.ThrowsExactly<InvalidDataException>(() => PublicCheckpoints.LoadTextClassifier(mlContext, TinyText.Model, adapter, ["a", "b"])), "[3, 24]", "[2, 24]");
    }

    private static string Replace(string text, string old, string changed)
    {
        StringAssert.Contains(text, old);
        return text.Replace(old, changed, StringComparison.Ordinal);
    }

    private static void AssertNames(Exception error, params string[] parts)
    {
        foreach (var part in parts)
        {
            StringAssert.Contains(error.Message, part);
        }
    }

    private void AssertRefused(Action<Dictionary<string, Tensor>> change, params string[] parts)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Path.Combine(PeftFixture.Folder("bert-lora"), AdapterConfig.WeightsName));
        var tensors = file.Names.ToDictionary(name => name, name => file.Read(name, ScalarType.Float32));
        change(tensors);
        PeftFixture.Copy("bert-lora", _folder);
        using (var stream = File.Create(Path.Combine(_folder, AdapterConfig.WeightsName)))
        {
            SafetensorsWriter.Write(stream, tensors.Select(pair => new SafetensorsEntry(pair.Key, pair.Value)));
        }

        AssertNames(
            Assert.ThrowsExactly<InvalidDataException>(() => PeftFixture.Create(PublicCheckpoints.LoadPeft(_folder))), [.. parts, "adapter_model.safetensors"]);
    }
}
