using Microsoft.ML.NaturalGradient;
using Microsoft.ML.NaturalGradient.Checkpoints;
using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Pipelines;
using Microsoft.ML.NaturalGradient.Tokenization;

namespace Microsoft.ML;

/// <summary>Reads what was trained elsewhere, in Python or by this library.</summary>
public static class Checkpoints
{
    private const float UsualThreshold = 0.5f;

    /// <summary>Reads an adapter that PEFT, or <see cref="FineTunedModel.SavePeft"/>, saved.</summary>
    /// <remarks>
    /// Give the result to a trainer as its <c>adapter</c> to go on training from these weights, or to
    /// <see cref="LoadTextClassifier"/> or <see cref="LoadImageClassifier"/> to score with it.
    /// </remarks>
    /// <param name="folder">Folder with adapter_config.json and adapter_model.safetensors.</param>
    /// <returns>The adapter with its weights in memory.</returns>
    /// <exception cref="ArgumentException"><paramref name="folder"/> is null or empty.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="FileNotFoundException">A file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; the message names file and field.</exception>
    /// <exception cref="NotSupportedException">The kind of adapter or a setting is not supported, or the weights are a pickle (adapter_model.bin) only; the message names it.</exception>
    public static PretrainedAdapter LoadPeft(string folder)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        var path = Path.GetFullPath(folder);
        if (!Directory.Exists(path))
        {
            throw new DirectoryNotFoundException($"There is no folder '{path}'. Give Checkpoints.LoadPeft a folder with an adapter's files.");
        }

        FolderSave.Finish(path);
        using var files = new FolderCheckpointFiles(path);
        if (!files.Exists("adapter_model.safetensors") && files.Exists("adapter_model.bin"))
        {
            throw new NotSupportedException(
                $"The weights in '{path}' are in 'adapter_model.bin', a Python pickle. Reading a pickle can run any code that its author put there, so "
                + "only adapter_model.safetensors is read. Convert it, if you trust it, with Python once: model.save_pretrained(folder, safe_serialization=True).");
        }

        return PretrainedAdapter.Read(files);
    }

    /// <summary>Writes a pretrained encoder as an ONNX graph that gives a vector of length one for each text: for search, clustering, and retrieval.</summary>
    /// <remarks>
    /// OnnxEmbeddingGenerator of the package NaturalGradient.MLNet.Onnx loads the folder as an <c>IEmbeddingGenerator</c>, without libtorch; its README.md has the lines of C#
    /// and Python. For the encoder of a trained model see <see cref="FineTunedModel.SaveOnnxEmbeddings"/>.
    /// </remarks>
    /// <param name="model">The encoder, for example <see cref="PretrainedModel.BgeSmall"/>.</param>
    /// <param name="folder">Path of the folder; made if need be, files of these names in it are replaced.</param>
    /// <param name="pooling">
    /// Which vector stands for a text; null for the one that the encoder was trained for: the first token's of the whole <see cref="PretrainedModel.BgeSmall"/> and of folders
    /// and models of the hub whose 1_Pooling/config.json says so, else the mean.
    /// </param>
    /// <param name="options">Settings; null for 32-bit numbers.</param>
    /// <exception cref="NotSupportedException">The model answers with text, or reads pictures; or its files say that its vectors are neither, and <paramref name="pooling"/> is null.</exception>
    /// <inheritdoc cref="FineTunedModel.SaveOnnx" path="/exception"/>
    public static void SaveOnnxEmbeddings(PretrainedModel model, string folder, EmbeddingPooling? pooling = null, OnnxExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        options ??= new OnnxExportOptions();
        options.Validate();
        OnnxEmbeddings.Save(model, folder, pooling, options);
    }

    /// <summary>Reads a trained classifier of texts, to score with it: a full checkpoint with a head, or a base model and an adapter for it.</summary>
    /// <remarks>Texts are cut where the adapter's or the model's tokenizer files say, as Python does; where they say nothing, at 256 tokens.</remarks>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="classNames">
    /// Names of the classes in the order of the logits, the key values of the predicted label; null takes those that were saved
    /// with the adapter, else those of the model's config.json.
    /// </param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="outputColumnName">Output column with the most probable class.</param>
    /// <param name="prompt">What a text-to-text model (T5) reads for a row; null for what a model saved here says, else the texts alone.</param>
    /// <param name="labelWords">What a text-to-text model (T5) answers for each class; null for what a model saved here says, else the class names.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException"><paramref name="classNames"/> are too few, repeated, or neither given nor in the model; or an output has the name of another column.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported, or the model gives each class a probability of its own.</exception>
    public static TextClassificationTransformer LoadTextClassifier(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        IReadOnlyList<string>? classNames = null,
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabel",
        PromptTemplate? prompt = null,
        IReadOnlyList<string>? labelWords = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        var columns = new TextColumns(new TargetColumns("Label", scoreColumnName, outputColumnName, LabelKind.Class), sentence1ColumnName, sentence2ColumnName);
        var textToText = new TextToTextSettings(prompt, labelWords);
        var scorer = PretrainedText.Load(mlContext, model, adapter, HeadKind.Whole, columns, (files, checkpoint) =>
        {
            if (adapter is not { HeadClassNames: not null }) // which says itself what it is
            {
                ClassifierConfig.CheckSingleLabel(checkpoint.Files);
            }
            else if (adapter.Notes.Predictions.Thresholds is not null)
            {
                throw ClassifierConfig.OfAnotherProblem("adapter", ClassifierConfig.SeveralLabels);
            }

            var labels = Labels(classNames, adapter, checkpoint);
            var notes = adapter?.Notes.Predictions ?? ClassifierConfig.ReadPredictions(files);
            return new ClassificationTask(
                new ClassTarget(new ClassFormat(labels, notes.Temperature, notes.ScoreThreshold)), textToText.OrElse(adapter?.Notes.TextToText ?? ClassifierConfig.ReadTextToText(files), labels.Count));
        });
        return new TextClassificationTransformer(mlContext, new TextClassificationModel(scorer), columns);
    }

    /// <summary>Reads a trained model that tags words, to score with it: a full checkpoint with a head, or a base model and an adapter for it.</summary>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, for example dslim/bert-base-NER of a hub, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="tags">Names of the tags in the order of the logits; null takes those that were saved with the adapter, else those of the model's config.json.</param>
    /// <param name="sentence1ColumnName">Column with the text, or with a vector of its words.</param>
    /// <param name="outputColumnName">Output column with the predicted tags.</param>
    /// <param name="scoreColumnName">Output column with the probability of each predicted tag.</param>
    /// <param name="entitiesColumnName">What the names of the columns with entities begin with; null for no such columns.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException"><paramref name="tags"/> are too few, repeated, or neither given nor in the model; or an output has the name of another column.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported.</exception>
    public static NamedEntityRecognitionTransformer LoadNamedEntityRecognizer(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        IReadOnlyList<string>? tags = null,
        string sentence1ColumnName = "Sentence",
        string outputColumnName = "PredictedLabel",
        string scoreColumnName = "Score",
        string? entitiesColumnName = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        var columns = new TextColumns(new TargetColumns("Label", scoreColumnName, outputColumnName, LabelKind.Tags) { Spans = entitiesColumnName }, sentence1ColumnName, null) { AllowsWords = true };
        var scorer = PretrainedText.Load(mlContext, model, adapter, HeadKind.Tokens, columns, (_, checkpoint) =>
            new TagTask(new TagTarget(new TagFormat(Labels(tags, adapter, checkpoint), missingIsOutside: false)), entitiesColumnName));
        return new NamedEntityRecognitionTransformer(mlContext, new NamedEntityRecognitionModel(scorer), columns);
    }

    /// <summary>Reads a trained model that finds answers, to score with it: a full checkpoint with a head, or a base model and an adapter for it.</summary>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, for example deepset/roberta-base-squad2 of a hub, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="contextColumnName">Column with the text that has the answer.</param>
    /// <param name="questionColumnName">Column with the question.</param>
    /// <param name="predictedAnswerColumnName">Output column with the answers that are found.</param>
    /// <param name="scoreColumnName">Output column with the probability of each answer.</param>
    /// <param name="topK">Most answers to a question, from 1 to 1000.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException"><paramref name="topK"/> is out of range, or an output has the name of another column.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported.</exception>
    public static QuestionAnswerTransformer LoadQuestionAnswerer(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        string contextColumnName = "Context",
        string questionColumnName = "Question",
        string predictedAnswerColumnName = "Answer",
        string scoreColumnName = "Score",
        int topK = 3)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        var options = new QuestionAnswerTrainer.Options
        {
            ContextColumnName = contextColumnName,
            QuestionColumnName = questionColumnName,
            PredictedAnswerColumnName = predictedAnswerColumnName,
            ScoreColumnName = scoreColumnName,
            TopKAnswers = topK,
        };
        options.Validate();
        var scorer = PretrainedText.Load(mlContext, model, adapter, HeadKind.Spans, options.Columns, (files, _) => new AnswerTask(
            new SpanTarget(), new AnswerSearch(topK, (adapter?.Notes.Predictions ?? ClassifierConfig.ReadPredictions(files)).AnswerTokens ?? options.MaxAnswerTokens)));
        return new QuestionAnswerTransformer(mlContext, new QuestionAnswerModel(scorer), options.Columns);
    }

    /// <summary>
    /// Reads a trained classifier that gives each class a probability of its own, to score with it: a full checkpoint with a head, or a base model and an adapter for it.
    /// </summary>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, for example SamLowe/roberta-base-go_emotions of a hub, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="classNames">Names of the classes in the order of the logits; null takes those that were saved with the adapter, else those of the model's config.json.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="outputColumnName">Output column with the predicted classes.</param>
    /// <param name="threshold">The probability from which a class is predicted, from 0 to 1; null takes those that were saved with the model, else 0.5.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException"><paramref name="classNames"/> are too few, repeated, or neither given nor in the model; <paramref name="threshold"/> is out of range; or an output has the name of another column.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported, or the model gives all classes one distribution.</exception>
    public static MultiLabelClassificationTransformer LoadMultiLabelClassifier(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        IReadOnlyList<string>? classNames = null,
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score",
        string outputColumnName = "PredictedLabels",
        float? threshold = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        SettingCheck.Require(threshold is null or (>= 0 and <= 1), nameof(threshold), threshold, "Use a probability from 0 to 1, for example 0.5.");
        var columns = new TextColumns(new TargetColumns("Label", scoreColumnName, outputColumnName, LabelKind.Classes), sentence1ColumnName, sentence2ColumnName);
        var scorer = PretrainedText.Load(mlContext, model, adapter, HeadKind.Whole, columns, (files, checkpoint) =>
        {
            if (adapter is null)
            {
                ClassifierConfig.CheckSeveralLabels(checkpoint.Files);
            }
            else if (adapter is { HeadClassNames: not null, Notes.Predictions.Thresholds: null })
            {
                throw ClassifierConfig.OfAnotherProblem("adapter", ClassifierConfig.OneLabel);
            }

            var labels = Labels(classNames, adapter, checkpoint);
            var saved = (adapter?.Notes.Predictions ?? ClassifierConfig.ReadPredictions(files)).Thresholds;
            return new SeveralClassesTask(new SeveralClassesTarget(threshold is null && saved?.Count == labels.Count
                ? new SeveralClassesFormat(labels, saved) : SeveralClassesFormat.Of(labels, threshold ?? UsualThreshold)));
        });
        return new MultiLabelClassificationTransformer(mlContext, new MultiLabelClassificationModel(scorer), columns);
    }

    /// <summary>Reads a trained model that predicts a number, to score with it: a full checkpoint with a head of one output, or a base model and an adapter for it.</summary>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, for example cross-encoder/stsb-roberta-base of a hub, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="sentence1ColumnName">Column with the text.</param>
    /// <param name="sentence2ColumnName">Column with the second text of a pair; null for single texts.</param>
    /// <param name="scoreColumnName">Output column with the predicted number, which is the output as it is.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException">The output has the name of another column.</exception>
    /// <exception cref="NotSupportedException">The architecture is not supported.</exception>
    public static TextRegressionTransformer LoadTextRegression(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        string sentence1ColumnName = "Sentence1",
        string? sentence2ColumnName = null,
        string scoreColumnName = "Score")
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        var columns = new TextColumns(new TargetColumns("Label", scoreColumnName, null, LabelKind.Number), sentence1ColumnName, sentence2ColumnName);
        var scorer = PretrainedText.Load(mlContext, model, adapter, HeadKind.Whole, columns, (_, _) => new RegressionTask());
        return new TextRegressionTransformer(mlContext, new TextRegressionModel(scorer), columns);
    }

    /// <summary>Reads a trained classifier of pictures, to score with it: a full checkpoint with a head, or a base model and an adapter for it.</summary>
    /// <remarks>Pictures are prepared as the adapter's preprocessor_config.json says, or the model's where the adapter has none, as Python does.</remarks>
    /// <param name="mlContext">The context; its GpuDeviceId and FallbackToCpu count.</param>
    /// <param name="model">The full checkpoint, for example google/vit-base-patch16-224 of a hub, or the base model.</param>
    /// <param name="adapter">The adapter, from <see cref="LoadPeft"/>; null for a full checkpoint.</param>
    /// <param name="classNames">
    /// Names of the classes in the order of the logits, the key values of the predicted label; null takes those that were saved
    /// with the adapter, else those of the model's config.json.
    /// </param>
    /// <param name="featureColumnName">Column with the picture: bytes of an encoded file, ML.NET's picture, or the path of a file.</param>
    /// <param name="scoreColumnName">Output column with the probability of each class.</param>
    /// <param name="predictedLabelColumnName">Output column with the most probable class.</param>
    /// <param name="imageSize">Width and height that pictures are resized to, a multiple of the model's patches; null for what that file says.</param>
    /// <returns>The transformer, as if it had been trained here; the caller disposes it.</returns>
    /// <exception cref="IOException">A file is missing or damaged, or the adapter does not fit the model.</exception>
    /// <exception cref="ArgumentException">
    /// <paramref name="classNames"/> are too few, repeated, or neither given nor in the model; <paramref name="imageSize"/> does not fit; or an output has the name of another column.
    /// </exception>
    /// <exception cref="NotSupportedException">The architecture is not supported, or the model gives each class a probability of its own.</exception>
    public static ImageClassificationTransformer LoadImageClassifier(
        MLContext mlContext,
        PretrainedModel model,
        PretrainedAdapter? adapter = null,
        IReadOnlyList<string>? classNames = null,
        string featureColumnName = "Features",
        string scoreColumnName = "Score",
        string predictedLabelColumnName = "PredictedLabel",
        int? imageSize = null)
    {
        ArgumentNullException.ThrowIfNull(mlContext);
        ArgumentNullException.ThrowIfNull(model);
        var options = new ImageClassificationTrainer.Options
        {
            Model = model,
            FeatureColumnName = featureColumnName,
            ScoreColumnName = scoreColumnName,
            PredictedLabelColumnName = predictedLabelColumnName,
            ImageSize = imageSize,
        };
        options.Validate();
        options.Columns.Target.CheckNames(options.Columns.Features);
        return new ImageClassificationTransformer(mlContext, PretrainedImageClassifier.Load(mlContext, options, adapter, classNames), options.Columns);
    }

    private static ClassLabels Labels(IReadOnlyList<string>? given, PretrainedAdapter? adapter, TextCheckpoint checkpoint) =>
        PretrainedClassifier.Labels(given ?? adapter?.HeadClassNames ?? ClassifierConfig.ReadClasses(checkpoint.Files));
}
