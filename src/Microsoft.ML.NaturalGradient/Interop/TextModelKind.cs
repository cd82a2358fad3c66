using Microsoft.ML.NaturalGradient.Classification;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Interop;

/// <summary>How a kind of saved text model is recognised and read.</summary>
/// <param name="Signature">Eight letters at the start of the model stream.</param>
/// <param name="LoaderSignature">Name under which ML.NET finds the transformer.</param>
/// <param name="ReadTask">Reads what <see cref="TextTask.Save"/> wrote.</param>
internal sealed record TextModelKind(string Signature, string LoaderSignature, Func<IHost, BinaryReader, TextTask> ReadTask)
{
    /// <summary>The version that is written and read.</summary>
    public VersionInfo Version() => new(
        modelSignature: Signature, verWrittenCur: 0x00010001, verReadableCur: 0x00010001, verWeCanReadBack: 0x00010001,
        loaderSignature: LoaderSignature, loaderAssemblyName: typeof(TextModelKind).Assembly.FullName);
}
