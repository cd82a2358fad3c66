using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>A trained network that scores rows of data views: which columns it reads and adds, and how it reads them.</summary>
internal interface IRowScorer
{
    /// <summary>The columns that are read and added.</summary>
    RowColumns Columns { get; }

    /// <summary>Most rows that are read ahead of the one that is asked for.</summary>
    int LargestWindow { get; }

    /// <summary>The columns that are added.</summary>
    /// <param name="input">Schema of the rows.</param>
    IReadOnlyList<ScoringOutput> Outputs(DataViewSchema input);

    /// <summary>Prepares reading rows.</summary>
    /// <param name="row">The row or cursor, with the input columns active.</param>
    /// <param name="host">Where problems of single rows are reported.</param>
    /// <returns>Collects rows.</returns>
    IPendingRows Open(DataViewRow row, IHost host);
}
