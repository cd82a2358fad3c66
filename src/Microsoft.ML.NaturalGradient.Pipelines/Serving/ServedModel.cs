namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>All that is needed to score with a trained network, but the network: it is an ONNX graph beside this.</summary>
/// <param name="Files">Contents of the small files by name: tokenizer, or image processor.</param>
/// <param name="UsualClass">The class of tokenizer or image processor where no file names one; null for none.</param>
internal abstract record ServedModel(IReadOnlyDictionary<string, byte[]> Files, string? UsualClass)
{
    /// <summary>Where the files are, in words for messages.</summary>
    protected const string Description = "the served model";

    /// <summary>The columns that are read and added.</summary>
    public abstract RowColumns Columns { get; }

    /// <summary>What the predictions are.</summary>
    public abstract PredictionFormat Format { get; }

    /// <summary>The columns that scoring adds.</summary>
    /// <param name="input">Schema of the rows they are added to.</param>
    public virtual IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input) => Format.Outputs(Columns.Target, input);
}
