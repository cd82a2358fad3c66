using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A trained network that scores rows of data views: which columns it reads and adds, and how it reads them.</summary>
internal interface IRowScorer
{
    /// <summary>Names of the columns that are read.</summary>
    IReadOnlyList<string> InputColumns { get; }

    /// <summary>Most rows that are read ahead of the one that is asked for.</summary>
    int LargestWindow { get; }

    /// <summary>Checks that the columns that are read are there and of the right type.</summary>
    /// <param name="host">The host.</param>
    /// <param name="input">Schema of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    void CheckInputs(IHost host, DataViewSchema input);

    /// <summary>The columns that are added.</summary>
    /// <param name="input">Schema of the rows.</param>
    IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input);

    /// <summary>Prepares reading rows.</summary>
    /// <param name="row">The row or cursor, with the input columns active.</param>
    /// <param name="host">Where problems of single rows are reported.</param>
    /// <returns>Collects rows.</returns>
    IPendingRows Open(DataViewRow row, IHost host);
}
