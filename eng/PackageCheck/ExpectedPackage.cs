namespace PackageChecks;

/// <summary>A package that is to be there. Which there are is a decision, so they are listed.</summary>
/// <param name="Id">The id.</param>
/// <param name="Content">What it holds.</param>
/// <param name="Licence">The licence of what it holds, as an SPDX expression.</param>
internal sealed record ExpectedPackage(string Id, PackageContent Content = PackageContent.Code, string Licence = "MIT")
{
    public static IReadOnlyList<ExpectedPackage> All { get; } =
    [
        new("NaturalGradient.MLNet"),
        new("NaturalGradient.MLNet.BgeSmall", PackageContent.Data),
        new("NaturalGradient.MLNet.Cpu", PackageContent.References),
        new("NaturalGradient.MLNet.Inputs"),
        new("NaturalGradient.MLNet.MiniLM", PackageContent.Data, "Apache-2.0"),
        new("NaturalGradient.MLNet.Mpi"),
        new("NaturalGradient.MLNet.Onnx"),
        new("NaturalGradient.MLNet.Optimization"),
        new("NaturalGradient.MLNet.Pipelines"),
        new("NaturalGradient.MLNet.Transformers"),
        new("NaturalGradient.MLNet.ViTSmall", PackageContent.Data),
    ];

    /// <summary>The assembly, which has the name of its namespace and not of its package.</summary>
    public string Assembly => Id.Replace("NaturalGradient.MLNet", "Microsoft.ML.NaturalGradient", StringComparison.Ordinal);
}
