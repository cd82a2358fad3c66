using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>The factors of every block as one batch gives them; its tensors live in the scope in which it is used.</summary>
/// <param name="sharing">What happens with the positions of a sample.</param>
/// <param name="weights">How often each row counts.</param>
internal sealed class KroneckerEstimate(WeightSharing sharing, RowWeights weights)
{
    private List<Block>? _blocks;
    private List<Rest> _rest = [];

    /// <summary>The linear maps.</summary>
    public IReadOnlyList<Block> Blocks => _blocks ?? [];

    /// <summary>The parameters that are not of a linear map.</summary>
    public IReadOnlyList<Rest> Others => _rest;

    /// <summary>Handles of the parameters of linear maps.</summary>
    public IReadOnlySet<IntPtr> Covered => Blocks.SelectMany(block => block.Map.Parameters).Select(parameter => parameter.Handle).ToHashSet();

    /// <summary>Adds the Fisher matrix Σ_n c_n g_n g_nᵀ / Σ_n c_n of a capture with the rows √c_n g_n.</summary>
    public void Add(CapturedGradients captured)
    {
        var maps = LinearMap.Find(captured);
        if (_blocks is null)
        {
            _blocks = [.. maps.Select(map => new Block(map, InputFactor(map)))];
            var covered = Covered;
            _rest = [.. captured.Parameters.Where(parameter => !covered.Contains(parameter.Handle)).Select(parameter => new Rest(parameter))];
        }

        var scale = 1.0 / weights.Sum;
        for (var i = 0; i < maps.Count; i++)
        {
            using var scope = NewDisposeScope();
            var errors = maps[i].Rows(sharing == WeightSharing.Reduce).Errors; // [R, O]
            _blocks[i].AddErrors(errors.t().mm(errors).Times(scale)); // [O, O]
        }

        foreach (var rest in _rest)
        {
            using var scope = NewDisposeScope();
            var gram = captured.GramOf(rest.Parameter).Times(scale); // [N, N]
            rest.Add(linalg.eigvalsh(gram)[^1].item<double>(), gram.diagonal().sum().item<double>());
        }
    }

    private Tensor InputFactor(LinearMap map)
    {
        using var scope = NewDisposeScope();
        var inputs = map.Rows(sharing == WeightSharing.Reduce).Inputs; // [R, I]
        var count = weights.Sum * inputs.shape[0] / weights.Count; // rows times their positions
        return inputs.t().mm(weights.Times(inputs)).Times(1.0 / count).MoveToOuterDisposeScope();
    }

    /// <summary>The factors of one linear map.</summary>
    internal sealed class Block(LinearMap map, Tensor inputFactor)
    {
        /// <summary>The map.</summary>
        public LinearMap Map { get; } = map;

        /// <summary>A, [I, I].</summary>
        public Tensor InputFactor { get; } = inputFactor;

        /// <summary>G, [O, O].</summary>
        public Tensor ErrorFactor { get; private set; } = null!;

        /// <summary>Adds to G.</summary>
        public void AddErrors(Tensor products)
        {
            if (ErrorFactor is null)
            {
                ErrorFactor = products.MoveToOuterDisposeScope();
            }
            else
            {
                ErrorFactor.AddInPlace(products);
            }
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
