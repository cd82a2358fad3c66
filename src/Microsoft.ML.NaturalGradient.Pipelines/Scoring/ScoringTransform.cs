using Microsoft.ML.Model.OnnxConverter;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.NaturalGradient.Pipelines;

/// <summary>What the transformers have in common: they add the predictions of a trained network to rows.</summary>
/// <param name="host">The host of the transformer.</param>
/// <param name="scorer">The network; owned by the caller.</param>
/// <param name="saveOnnx">Adds the network to a graph of ML.NET's converter, given the schema with the predictions; null where it is a graph already.</param>
internal sealed class ScoringTransform(IHost host, IRowScorer scorer, Action<OnnxContext, DataViewSchema>? saveOnnx = null)
{
    /// <summary>Adds the predictions to the rows of one schema.</summary>
    /// <param name="schema">Schema of the rows.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has the wrong type.</exception>
    public ScoringMapper Map(DataViewSchema schema)
    {
        ArgumentNullException.ThrowIfNull(schema);
        return new ScoringMapper(host, scorer, schema);
    }

    /// <summary>Adds the predictions to data; they are computed when they are read.</summary>
    /// <param name="input">The data.</param>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ScoringView(input, Map(input.Schema), saveOnnx);
    }
}
