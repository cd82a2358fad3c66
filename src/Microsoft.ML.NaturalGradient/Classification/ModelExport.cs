using Microsoft.ML.NaturalGradient.Adaptation;
using Microsoft.ML.NaturalGradient.Checkpoints;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>Writes a trained model in the layouts that Python reads.</summary>
internal static class ModelExport
{
    private const string ReadmeName = "README.md";

    /// <summary>Writes adapter and head as PEFT does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Path of the folder.</param>
    /// <param name="baseModel">What Python calls the base model; null for what is known of it.</param>
    public static void SavePeft(FineTunedModel model, string folder, string? baseModel)
    {
        model.ThrowIfDisposed();
        if (!model.Adapter.IsPeft)
        {
            throw new NotSupportedException(
                $"PEFT has no adapter for a model trained as '{model.Adapter.Description}'. Use SavePretrained, which writes the whole model.");
        }

        baseModel ??= model.Base.Location;
        var directory = Directory.CreateDirectory(folder).FullName;
        Write(directory, AdapterConfig.FileName, stream => stream.Write(AdapterConfig.Write(model.Adapter, model.Network.Base, baseModel)));
        Write(directory, AdapterConfig.WeightsName, stream => SafetensorsWriter.Write(
            stream, AdapterWeights.Entries(model.Network, model.Adapter), AdapterWeights.Metadata(model.Base.ReadsMean)));
        WriteReadme(model, directory, $"PeftModel.from_pretrained(MeanClassifier.from_pretrained(r'{baseModel}', num_labels={model.Target.OutputNames.Count}), r'{{folder}}')");
    }

    /// <summary>Writes the merged model as transformers does.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Path of the folder.</param>
    public static void SavePretrained(FineTunedModel model, string folder)
    {
        model.ThrowIfDisposed();
        if (model.Adapter.PromptLength > 0)
        {
            throw new NotSupportedException(
                "The model was trained with a prompt, which cannot be merged into its weights. Use SavePeft, or mlContext.Model.Save.");
        }

        var directory = Directory.CreateDirectory(folder).FullName;
        var config = ClassifierConfig.Write(model.Base.Files, model.Target.OutputNames);
        foreach (var (name, content) in model.Base.Files)
        {
            Write(directory, name, stream => stream.Write(name == CheckpointFiles.ConfigName ? config : content));
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        Write(directory, CheckpointFiles.WeightsName, stream => SafetensorsWriter.Write(stream, MergedWeights(model), metadata));
        WriteReadme(model, directory, "MeanClassifier.from_pretrained(r'{folder}')");
    }

    // Frozen weights in the types of the base's own file; what was trained or merged in its own type, lest it lose digits.
    private static IEnumerable<SafetensorsEntry> MergedWeights(FineTunedModel model)
    {
        var adapted = AdapterWeights.AdaptedLayers(model.Network.Base).ToDictionary(named => named.Key + ".weight", named => named.Value);
        foreach (var (name, value) in model.Network.FrozenParameters)
        {
            yield return adapted.TryGetValue(name, out var layer)
                ? new SafetensorsEntry(name, layer.Adapter!.Merged(layer.OwnWeight))
                : new SafetensorsEntry(name, value, model.Base.StoredTypes[name]);
        }

        var adapters = adapted.Values.SelectMany(layer => layer.Adapter!.Weights).Select(weight => weight.Value.Handle).ToHashSet();
        foreach (var (name, value) in model.Network.TrainableParameters.Where(named => !adapters.Contains(named.Value.Handle)))
        {
            yield return new SafetensorsEntry(name, value);
        }
    }

    private static void WriteReadme(FineTunedModel model, string directory, string load)
    {
        if (!model.Base.ReadsMean)
        {
            return;
        }

        var (prefix, name) = (model.Network.Base.Prefix, ClassifierConfig.ClassName(model.Base.Files));
        var readme = $$"""
            # Text model
            Trained with Microsoft.ML.NaturalGradient. The head reads the mean of the token vectors, which the sequence classifiers of transformers
            do not. Outputs, in order: {{string.Join(", ", model.Target.OutputNames)}}. In Python:

            ```python
            import torch
            from transformers import {{name}}Model, {{name}}PreTrainedModel
            from transformers.modeling_outputs import SequenceClassifierOutput

            class MeanClassifier({{name}}PreTrainedModel):
                def __init__(self, config):
                    super().__init__(config)
                    self.{{prefix}} = {{name}}Model(config)
                    self.classifier = torch.nn.Linear(config.hidden_size, config.num_labels)
                    self.post_init()

                def forward(self, **inputs):
                    inputs.pop("labels", None)
                    states = self.{{prefix}}(**inputs).last_hidden_state
                    mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
                    return SequenceClassifierOutput(logits=self.classifier((states * mask).sum(1) / mask.sum(1)))

            model = {{load.Replace("{folder}", directory, StringComparison.Ordinal)}}
            ```

            """;
        Write(directory, ReadmeName, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(readme.ReplaceLineEndings("\n"))));
    }

    // Under another name first, so that nobody finds half a file.
    private static void Write(string directory, string name, Action<Stream> write)
    {
        var path = Path.Combine(directory, name);
        using (var stream = File.Create(path + ".tmp"))
        {
            write(stream);
        }

        File.Move(path + ".tmp", path, overwrite: true);
    }
}
