using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A model for ONNX Runtime inside a saved ML.NET model: its description, the graph and the small files, with their SHA-256.</summary>
/// <remarks>Whoever writes it needs no ONNX Runtime: ML.NET finds the assembly that reads it by the name in the file.</remarks>
internal static class ServedModelArchive
{
    /// <summary>Name under which ML.NET finds the transformer.</summary>
    public const string LoaderSignature = "NgOnnx";

    /// <summary>Name of the file with the graph.</summary>
    public const string GraphName = "model.onnx";

    private const string Signature = "NGONNXRT";
    private const uint CurrentVersion = 0x00010001;
    private const string Texts = "texts";
    private const string Pictures = "pictures";
    private const int MostFiles = 100;
    private const int MostTokens = 1_000_000; // far more than any encoder reads

    // All parts have one version and no key: the other assembly's name differs in its own part only.
    private static string LoaderAssembly => typeof(ServedModelArchive).Assembly.FullName!.Replace(".Pipelines,", ".Onnx,", StringComparison.Ordinal);

    private static VersionInfo Version => new(
        modelSignature: Signature, verWrittenCur: CurrentVersion, verReadableCur: CurrentVersion, verWeCanReadBack: CurrentVersion,
        loaderSignature: LoaderSignature, loaderAssemblyName: LoaderAssembly);

    /// <summary>Writes a model.</summary>
    /// <param name="host">The host.</param>
    /// <param name="context">The archive.</param>
    /// <param name="model">The model.</param>
    /// <param name="writeGraph">Writes the graph, with its weights in it.</param>
    public static void Save(IHost host, ModelSaveContext context, ServedModel model, Action<Stream> writeGraph)
    {
        context.CheckAtModel();
        context.SetVersionInfo(Version);
        var target = model.Columns.Target;
        context.SaveNonEmptyString(target.Label);
        context.SaveNonEmptyString(target.Score);
        context.SaveStringOrNull(target.PredictedLabel);
        context.SaveNonEmptyString(target.Kind.Name);
        context.SaveStringOrNull(model.UsualClass);
        if (model is ServedTexts texts)
        {
            context.SaveNonEmptyString(Texts);
            context.SaveNonEmptyString(texts.Columns.Sentence1);
            context.SaveStringOrNull(texts.Columns.Sentence2);
            context.Writer.Write(texts.MaxTokens);
            context.Writer.Write(texts.AnswersWithText);
            texts.Scoring.Save(host, context.Writer);
        }
        else
        {
            var pictures = (ServedPictures)model;
            context.SaveNonEmptyString(Pictures);
            context.SaveNonEmptyString(pictures.Columns.Feature);
            pictures.Reading.Save(context.Writer);
            pictures.Format.Labels.Save(host, context.Writer);
        }

        context.Writer.Write(model.Files.Count + 1);
        SaveFile(context, GraphName, writeGraph);
        foreach (var (name, content) in model.Files)
        {
            SaveFile(context, name, stream => stream.Write(content));
        }
    }

    /// <summary>Reads a model.</summary>
    /// <param name="host">The host.</param>
    /// <param name="context">The archive.</param>
    /// <param name="takeGraph">Is given what writes the graph, once; it may be called more often.</param>
    /// <returns>The model.</returns>
    /// <exception cref="InvalidDataException">A file or the description is damaged; the message names it.</exception>
    public static ServedModel Load(IHost host, ModelLoadContext context, Action<Action<Stream>> takeGraph)
    {
        _ = ModelEntries.Open(context); // before anything is believed
        context.CheckAtModel(Version);
        var (label, score, predicted) = (context.LoadNonEmptyString(), context.LoadNonEmptyString(), context.LoadStringOrNull());
        var kind = OneOf("kind of label", context.LoadNonEmptyString(), LabelKind.All, known => known.Name);
        var target = new TargetColumns(label, score, predicted, kind);
        var usualClass = context.LoadStringOrNull();
        var reads = OneOf("kind of row", context.LoadNonEmptyString(), [Texts, Pictures], known => known);
        var files = new Dictionary<string, byte[]>();
        if (reads == Texts)
        {
            var columns = new TextColumns(target, context.LoadNonEmptyString(), context.LoadStringOrNull()) { AllowsWords = kind == LabelKind.Tags };
            var maxTokens = (int)SavedNumber.Check("longest sequence", context.Reader.ReadInt32(), 1, MostTokens);
            var answersWithText = context.Reader.ReadBoolean();
            var scoring = TextScoring.Load(kind, host, context.Reader);
            LoadFiles(context, files, takeGraph);
            return new ServedTexts(columns, scoring, maxTokens, answersWithText, files, usualClass);
        }
        else
        {
            var columns = new ImageColumns(target, context.LoadNonEmptyString());
            var reading = ImageReading.Load(context.Reader);
            var format = new ClassFormat(ClassLabels.Load(host, context.Reader));
            LoadFiles(context, files, takeGraph);
            return new ServedPictures(columns, format, reading, files, usualClass);
        }
    }

    private static void SaveFile(ModelSaveContext context, string name, Action<Stream> write)
    {
        var hash = "";
        context.SaveBinaryStream(name, writer => hash = ContentHash.Of(write, writer.BaseStream));
        context.SaveNonEmptyString(name);
        context.SaveNonEmptyString(hash);
    }

    // The graph is not kept with the others, since it may be large.
    private static void LoadFiles(ModelLoadContext context, Dictionary<string, byte[]> files, Action<Action<Stream>> takeGraph)
    {
        var count = (int)SavedNumber.Check("number of files", context.Reader.ReadInt32(), 1, MostFiles);
        var (entries, graphs) = (ModelEntries.Open(context), 0);
        for (var i = 0; i < count; i++)
        {
            var (name, hash) = (context.LoadNonEmptyString(), context.LoadNonEmptyString());
            if (name != GraphName)
            {
                files[name] = entries.Read(context, name, hash);
            }
            else if (graphs++ == 0)
            {
                takeGraph(stream => entries.CopyTo(context, name, hash, stream));
            }
        }

        if (graphs != 1)
        {
            throw new InvalidDataException(FormattableString.Invariant(
                $"The saved model is damaged: it has '{GraphName}' {graphs} times. Copy the file again, or save the model again."));
        }
    }

    private static T OneOf<T>(string what, string name, IReadOnlyList<T> known, Func<T, string> nameOf)
        where T : class => known.FirstOrDefault(item => nameOf(item) == name) ?? throw new InvalidDataException(
            $"The saved model is damaged or of a newer version: its {what} is '{name}', and known are {string.Join(", ", known.Select(nameOf))}. Copy the file again, or update NaturalGradient.MLNet.Onnx.");
}
