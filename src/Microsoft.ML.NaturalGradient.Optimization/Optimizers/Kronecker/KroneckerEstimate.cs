using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The factors of every block as one batch gives them, in one or several parts.</summary>
/// <param name="sharing">What happens with the positions of a sample.</param>
/// <param name="weights">How often each row counts.</param>
internal sealed class KroneckerEstimate(WeightSharing sharing, RowWeights weights) : IDisposable
{
    private List<Block>? _blocks;
    private List<Rest> _rest = [];

    /// <summary>The linear maps.</summary>
    public IReadOnlyList<Block> Blocks => _blocks ?? [];

    /// <summary>The factors of all of them, which are sums over rows.</summary>
    public IEnumerable<Tensor> Factors => Blocks.SelectMany(block => (Tensor[])[block.InputFactor, block.ErrorFactor]);

    /// <summary>The parameters that are not of a linear map.</summary>
    public IReadOnlyList<Rest> Others => _rest;

    /// <summary>The parameters of linear maps.</summary>
    public IReadOnlySet<Parameter> Covered => new HashSet<Parameter>(Blocks.SelectMany(block => block.Map.Parameters), SameParameter.Comparer);

    /// <summary>Adds the factors of Σ_n c_n g_n g_nᵀ / Σ_n c_n from a capture with the rows √c_n g_n.</summary>
    /// <param name="captured">The capture.</param>
    /// <param name="rows">The weights of its rows, as a part of those of the batch.</param>
    /// <param name="withInputs">Whether A is added to as well: once for every row, whatever the number of backward passes.</param>
    public void Add(CapturedGradients captured, RowWeights rows, bool withInputs)
    {
        var maps = LinearMap.Find(captured);
        if (_blocks is null)
        {
            _blocks = [.. maps.Select(map => new Block(map))];
            var covered = Covered;
            _rest = [.. captured.Parameters.Where(parameter => !covered.Contains(parameter)).Select(parameter => new Rest(parameter))];
        }

        foreach (var (block, map) in _blocks.Zip(maps))
        {
            using var scope = NewDisposeScope();
            var (inputs, errors) = map.Rows(sharing == WeightSharing.Reduce); // [R, I], [R, O]
            block.AddErrors(errors.t().mm(errors).Times(1.0 / weights.Sum)); // [O, O]
            if (withInputs)
            {
                var count = weights.Sum * inputs.shape[0] / rows.Count; // rows of the batch times their positions
                block.AddInputs(inputs.t().mm(rows.Times(inputs)).Times(1.0 / count)); // [I, I]
            }
        }
    }

    /// <summary>Adds what is known of the parameters that are not of a linear map.</summary>
    /// <param name="rows">√c_n g_n for all rows of the batch.</param>
    public void AddOthers(IPerSampleGradients rows)
    {
        foreach (var rest in _rest)
        {
            using var scope = NewDisposeScope();
            var gram = rows.GramOf(rest.Parameter).Times(1.0 / weights.Sum); // [N, N]
            rest.Add(linalg.eigvalsh(gram)[^1].item<double>(), gram.diagonal().sum().item<double>());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in Blocks)
        {
            block.Dispose();
        }
    }

    /// <summary>The factors of one linear map; owns them.</summary>
    internal sealed class Block(LinearMap map) : IDisposable
    {
        /// <summary>The map.</summary>
        public LinearMap Map { get; } = map;

        /// <summary>A, [I, I].</summary>
        public Tensor InputFactor { get; private set; } = null!;

        /// <summary>G, [O, O].</summary>
        public Tensor ErrorFactor { get; private set; } = null!;

        /// <summary>Adds to A.</summary>
        public void AddInputs(Tensor products) => InputFactor = Sum(InputFactor, products);

        /// <summary>Adds to G.</summary>
        public void AddErrors(Tensor products) => ErrorFactor = Sum(ErrorFactor, products);

        /// <inheritdoc/>
        public void Dispose()
        {
            InputFactor?.Dispose();
            ErrorFactor?.Dispose();
        }

        private static Tensor Sum(Tensor? sum, Tensor products)
        {
            if (sum is null)
            {
                return products.DetachFromDisposeScope();
            }

            sum.AddInPlace(products);
            return sum;
        }
    }

    /// <summary>What is known of the block of a parameter that is not of a linear map.</summary>
    internal sealed class Rest(Parameter parameter)
    {
        /// <summary>The parameter.</summary>
        public Parameter Parameter { get; } = parameter;

        /// <summary>An upper bound of the largest eigenvalue: the sum of those of the captures, exact for one capture.</summary>
        public double Largest { get; private set; }

        /// <summary>The trace.</summary>
        public double Trace { get; private set; }

        /// <summary>Adds a capture's block.</summary>
        public void Add(double largest, double trace) => (Largest, Trace) = (Largest + largest, Trace + trace);
    }
}
