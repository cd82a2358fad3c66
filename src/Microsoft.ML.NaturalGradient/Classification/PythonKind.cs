using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Models.Vision;

namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>How Python loads and uses one kind of model, line by line, for <see cref="ModelCard"/>.</summary>
internal sealed record PythonKind
{
    /// <summary>Imports what <see cref="Picture"/> needs.</summary>
    public const string PictureImport = "from PIL import Image, ImageOps";

    /// <summary>Reads a picture, upright as here: Pillow leaves it as the camera stored it.</summary>
    public const string Picture = "ImageOps.exif_transpose(Image.open(\"picture.jpg\")).convert(\"RGB\")";

    private const string Encode = "padding=True, truncation=True, return_tensors=\"pt\"";

    /// <summary>What it is.</summary>
    public required string Title { get; init; }

    /// <summary>Name of the task in hubs.</summary>
    public required string Task { get; init; }

    /// <summary>The class that loads the base, or the whole model.</summary>
    public required string ModelClass { get; init; }

    /// <summary>Imports beside those of torch and PEFT.</summary>
    public required IReadOnlyList<string> Imports { get; init; }

    /// <summary>Defines the class where transformers has none; of the base, or of the whole model.</summary>
    public Func<bool, IReadOnlyList<string>> Definition { get; init; } = _ => [];

    /// <summary>A line of the description; empty for none.</summary>
    public string Remark { get; init; } = "";

    /// <summary>What is done to the base with its adapter before it is used; empty for nothing.</summary>
    public string AdapterCall { get; init; } = "";

    /// <summary>Lines that use the model.</summary>
    public required Func<TrainedNetwork, ExportDetails, IReadOnlyList<string>> Use { get; init; }

    /// <summary>The kind of a model.</summary>
    /// <param name="model">The model.</param>
    public static PythonKind Of(TrainedNetwork model) => model.Network.Base.Architecture.Kind switch
    {
        ArchitectureKind.TextToText => TextToText(),
        ArchitectureKind.ImageEncoder => Pictures(model.Network.Base.PythonClass!),
        _ => model.Network.HeadKind switch
        {
            HeadKind.Tokens => Tokens(model),
            HeadKind.Spans => Spans(model),
            _ => Texts(model),
        },
    };

    private static PythonKind Tokens(TrainedNetwork model) => new()
    {
        Title = model.Target.TextModelTitle,
        Task = "token-classification",
        ModelClass = "AutoModelForTokenClassification",
        Imports = ["from transformers import AutoModelForTokenClassification, AutoTokenizer"],
        Remark = "- A word is classified at its first token; words are what stands between white space.",
        Use = (_, _) =>
        [
            "tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)",
            "words = \"the words of a text\".split()",
            "inputs = tokenizer(words, is_split_into_words=True, truncation=True, return_tensors=\"pt\")",
            "with torch.no_grad():",
            "    probabilities = model(**inputs).logits.softmax(-1)[0]",
            "first = [inputs.word_ids().index(word) for word in range(len(words))]  # token of each word",
            "tags = [id2label[int(probabilities[token].argmax())] for token in first]",
        ],
    };

    // PEFT's own class for questions does not hand token types on to the model.
    private static PythonKind Spans(TrainedNetwork model) => new()
    {
        Title = model.Target.TextModelTitle,
        Task = "question-answering",
        ModelClass = "AutoModelForQuestionAnswering",
        Imports = ["from transformers import AutoModelForQuestionAnswering, AutoTokenizer"],
        Remark = "- The first token stands for \"not in this text\".",
        AdapterCall = ".merge_and_unload()",
        Use = (_, _) =>
        [
            "tokenizer = AutoTokenizer.from_pretrained(folder)",
            "text = \"a text\"",
            "inputs = tokenizer(\"a question\", text, truncation=\"only_second\", return_offsets_mapping=True, return_tensors=\"pt\")",
            "places = inputs.pop(\"offset_mapping\")[0]",
            "inside = torch.tensor([part == 1 for part in inputs.sequence_ids()])  # tokens of the text",
            "with torch.no_grad():",
            "    outputs = model(**inputs)",
            "scores = (outputs.start_logits[0].unsqueeze(1) + outputs.end_logits[0]).triu()  # begin, end",
            "scores[~(inside.unsqueeze(1) & inside & torch.ones_like(scores, dtype=torch.bool).triu())] = -torch.inf",
            "begin, end = divmod(int(scores.argmax()), len(inside))",
            "answer = text[places[begin][0]:places[end][1]]",
        ],
    };

    private static PythonKind Texts(TrainedNetwork model)
    {
        var (name, call) = model.Target.PythonPredictions;
        var own = new PythonKind
        {
            Title = model.Target.TextModelTitle,
            Task = "text-classification",
            ModelClass = "AutoModelForSequenceClassification",
            Imports = ["from transformers import AutoModelForSequenceClassification, AutoTokenizer"],
            Use = (_, _) =>
            [
                "tokenizer = AutoTokenizer.from_pretrained(folder)",
                $"inputs = tokenizer([\"a text\"], {Encode})  # pairs: tokenizer(texts, second_texts, ...)",
                "with torch.no_grad():",
                $"    {name} = model(**inputs).logits{call}",
            ],
        };
        return model.ReadsMean ? WithMean(own, model) : own;
    }

    private static PythonKind WithMean(PythonKind own, TrainedNetwork model)
    {
        var architecture = model.Network.Base.Architecture;
        var (prefix, name, type) = (architecture.Prefix, architecture.ClassName, architecture.ModelType);
        var encoder = $"{name}Model(config{(architecture.HasPooler ? ", add_pooling_layer=False" : "")})";
        return own with
        {
            ModelClass = MeanPooled.ClassName,
            Imports =
            [
                $"from transformers import AutoTokenizer, {name}Config, {name}Model, {name}PreTrainedModel",
                "from transformers.modeling_outputs import SequenceClassifierOutput",
            ],
            Remark = "- The head reads the mean of the token vectors. No class of transformers has such a head, and theirs refuse it; the one below has it.",
            Definition = isWhole =>
            [
                "", $"class MeanConfig({name}Config):",
                $"    model_type = {ModelCard.Text(isWhole ? MeanPooled.TypeOf(type) : type)}",
                "", "", $"class {MeanPooled.ClassName}({name}PreTrainedModel):",
                "    config_class = MeanConfig",
                "",
                "    def __init__(self, config):",
                "        super().__init__(config)",
                $"        self.{prefix} = {encoder}",
                $"        self.{HeadLayout.Mean.Output} = torch.nn.Linear(config.hidden_size, config.num_labels)",
                "        self.post_init()",
                "",
                "    def forward(self, **inputs):",
                "        inputs.pop(\"labels\", None)",
                $"        states = self.{prefix}(**inputs)[0]",
                "        mask = inputs.get(\"attention_mask\")",
                "        mask = torch.ones(states.shape[:2], device=states.device) if mask is None else mask",
                "        mask = mask.unsqueeze(-1).to(states.dtype)",
                $"        return SequenceClassifierOutput(logits=self.{HeadLayout.Mean.Output}((states * mask).sum(1) / mask.sum(1)))",
                "", "",
            ],
        };
    }

    private static string Divided(double temperature) => temperature == 1 ? "" : FormattableString.Invariant($".div({temperature:R})");

    private static PythonKind TextToText() => new()
    {
        Title = "Text classifier that answers with words",
        Task = "text2text-generation",
        ModelClass = "AutoModelForSeq2SeqLM",
        Imports = ["from transformers import AutoModelForSeq2SeqLM, AutoTokenizer"],
        Remark = "- A row is put into `prompt`. Its class is that of `label_words` with the highest probability; the probabilities of these words, end "
            + "token included, are scaled to a sum of 1.",
        Use = (trained, details) =>
        [
            $"prompt = {ModelCard.Text(details.TextToText.Prompt!.Text)}",
            $"label_words = [{string.Join(", ", details.TextToText.LabelWords!.Select(ModelCard.Text))}]",
            "tokenizer = AutoTokenizer.from_pretrained(folder)",
            "", "",
            "def probabilities(sentence1, sentence2=\"\"):",
            "    parts = [part.replace(\"{sentence2}\", sentence2) for part in prompt.split(\"{sentence1}\")]",
            "    inputs = tokenizer(sentence1.join(parts), truncation=True, return_tensors=\"pt\")",
            "    scores = []",
            "    for word in label_words:",
            "        labels = tokenizer(word, return_tensors=\"pt\").input_ids",
            "        with torch.no_grad():",
            "            logits = model(**inputs, labels=labels).logits",
            "        scores.append(logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).sum())",
            $"    return torch.stack(scores){Divided(details.Predictions.Temperature)}.softmax(0)",
        ],
    };

    // The class of DeiT's models with two heads is not the one that the automatic choice takes for a base without them.
    private static PythonKind Pictures(string name)
    {
        var model = name.EndsWith(ImageEncoderSizes.TeacherSuffix, StringComparison.Ordinal) ? name : "AutoModelForImageClassification";
        return new PythonKind
        {
            Title = "Image classifier",
            Task = "image-classification",
            ModelClass = model,
            Imports = [PictureImport, $"from transformers import AutoImageProcessor, {model}"],
            Use = (_, details) =>
            [
                "processor = AutoImageProcessor.from_pretrained(folder)",
                $"inputs = processor(images=[{Picture}], return_tensors=\"pt\")",
                "with torch.no_grad():",
                $"    probabilities = model(**inputs{(details.ResizesPositions ? ", interpolate_pos_encoding=True" : "")}).logits.softmax(-1)",
            ],
        };
    }
}
