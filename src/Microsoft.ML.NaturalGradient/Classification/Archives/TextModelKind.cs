using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.NaturalGradient.Pipelines;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>How a kind of saved text model is recognised and read.</summary>
/// <param name="Signature">Eight letters at the start of the model stream.</param>
/// <param name="LoaderSignature">Name under which ML.NET finds the transformer.</param>
/// <param name="Labels">What labels are.</param>
/// <param name="CreateTask">Makes the task of what was saved.</param>
internal sealed record TextModelKind(string Signature, string LoaderSignature, LabelKind Labels, Func<TextScoring, TextTask> CreateTask)
{
    /// <summary>The version that is written and read.</summary>
    public VersionInfo Version() => ModelArchive.Version(Signature, LoaderSignature);
}
