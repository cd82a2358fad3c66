using Microsoft.ML.NaturalGradient.Numerics;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The per-sample gradients J [N, P] of one batch, held as per-layer pairs and never formed as a whole.</summary>
/// <remarks>
/// Row n is the gradient of sample n's own seeded loss. The three operations are all that EF, iEF and SF need:
/// <see cref="Gram"/> (J Jᵀ), <see cref="Combine"/> (Jᵀ w) and <see cref="Dot"/> (J v).
/// </remarks>
internal sealed class CapturedGradients : IDisposable
{
    private const long ChunkBytes = 256L << 20;

    private readonly List<List<(ParameterUse Use, Tensor Error)>> _byParameter = [];
    private readonly IReadOnlyList<(ParameterUse Use, Tensor Error)> _uses;

    internal CapturedGradients(IReadOnlyList<(ParameterUse Use, Tensor Error)> uses)
    {
        _uses = uses;
        // A parameter used twice (tied weights) has one gradient: the sum over its uses.
        var index = new Dictionary<IntPtr, int>();
        foreach (var pair in uses)
        {
            var parameter = pair.Use.Parameter;
            if (!index.TryGetValue(parameter.Handle, out var position))
            {
                position = _byParameter.Count;
                index.Add(parameter.Handle, position);
                _byParameter.Add([]);
            }

            _byParameter[position].Add(pair);
        }

        SampleCount = uses[0].Error.shape[0];
    }

    /// <summary>Samples N.</summary>
    public long SampleCount { get; }

    /// <summary>Parameters in the order in which the forward pass first used them.</summary>
    public IEnumerable<Parameter> Parameters => _byParameter.Select(uses => uses[0].Use.Parameter);

    /// <summary>What the layers recorded: the parameters of one output together, with the gradient of that output.</summary>
    public IEnumerable<(IReadOnlyList<ParameterUse> Uses, Tensor Error)> Records =>
        _uses.GroupBy<(ParameterUse Use, Tensor Error), Tensor, ParameterUse>(pair => pair.Error, pair => pair.Use, ReferenceEqualityComparer.Instance)
            .Select(record => ((IReadOnlyList<ParameterUse>)[.. record], record.Key));

    /// <summary>Computes the Gram matrix C = J Jᵀ in float64.</summary>
    /// <param name="chunkBytes">
    /// Most bytes of per-sample gradients that are formed at a time for a parameter used twice, such as an embedding that is the head too.
    /// </param>
    /// <returns>C, [N, N], float64; owned by the caller.</returns>
    public Tensor Gram(long chunkBytes = ChunkBytes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gram = zeros(SampleCount, SampleCount, dtype: ScalarType.Float64, device: _byParameter[0][0].Error.device); // [N, N]
        foreach (var uses in _byParameter)
        {
            AddGram(gram, uses, chunkBytes);
        }

        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the part of one parameter in the Gram matrix, in float64.</summary>
    /// <param name="parameter">A member of <see cref="Parameters"/>.</param>
    /// <returns>[N, N], float64; owned by the caller.</returns>
    public Tensor GramOf(Parameter parameter)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var uses = UsesOf(parameter);
        var gram = zeros(SampleCount, SampleCount, dtype: ScalarType.Float64, device: uses[0].Error.device); // [N, N]
        AddGram(gram, uses, ChunkBytes);
        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the inner products between the rows of several captures of one forward pass, in float64.</summary>
    /// <remarks>Rows are formed layer by layer, slice by slice, and dropped again; the whole costs O(K²N²P).</remarks>
    /// <param name="captures">K captures, each J_k [N, P].</param>
    /// <param name="chunkBytes">Most bytes of per-sample gradients that are formed at a time.</param>
    /// <returns>[K·N, K·N], rows of the first capture first; owned by the caller.</returns>
    public static Tensor JointGram(IReadOnlyList<CapturedGradients> captures, long chunkBytes = ChunkBytes)
    {
        if (captures is [var single])
        {
            return single.Gram(chunkBytes);
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = captures.Count * captures[0].SampleCount;
        var gram = zeros(rows, rows, dtype: ScalarType.Float64, device: captures[0]._byParameter[0][0].Error.device); // [K·N, K·N]
        for (var position = 0; position < captures[0]._byParameter.Count; position++)
        {
            using var layerScope = NewDisposeScope();
            AddGramOfSums(gram, [.. captures.Select(capture => capture._byParameter[position])], chunkBytes);
        }

        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Mixes captures of one forward pass: row n of the result is Σ_k f_nk times row n of J_k.</summary>
    /// <remarks>Per-sample gradients are linear in what is sent back: the same as a capture with the mixed seeds, without its backward pass.</remarks>
    /// <param name="captures">K captures, each J_k [N, P]; not modified.</param>
    /// <param name="factors">f, [N, K]; converted to the model's type.</param>
    /// <returns>The mixed gradients; the caller disposes them.</returns>
    public static CapturedGradients Mix(IReadOnlyList<CapturedGradients> captures, Tensor factors)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var mixed = new Dictionary<Tensor, Tensor>(ReferenceEqualityComparer.Instance); // the uses of one record share its error
        return new CapturedGradients([.. captures[0]._uses.Select((pair, i) =>
        {
            if (!mixed.TryGetValue(pair.Error, out var error))
            {
                var columns = factors.to(pair.Error.dtype).to(pair.Error.device).view([.. factors.shape, .. Enumerable.Repeat(1L, (int)pair.Error.dim() - 1)]);
                error = Sum(captures.Select((capture, k) => capture._uses[i].Error.mul(columns.select(1, k)))).DetachFromDisposeScope();
                mixed.Add(pair.Error, error);
            }

            return (pair.Use, error);
        })]);
    }

    /// <summary>Forms J itself; for small P only.</summary>
    /// <returns>J, [N, P], columns in the order of <see cref="Parameters"/>; owned by the caller.</returns>
    public Tensor Rows()
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. _byParameter.Select(RowsOf)], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Forms the columns of J that belong to one parameter.</summary>
    /// <param name="parameter">A member of <see cref="Parameters"/>.</param>
    /// <returns>[N, P_layer]; owned by the caller.</returns>
    public Tensor RowsOf(Parameter parameter)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return RowsOf(UsesOf(parameter)).MoveToOuterDisposeScope();
    }

    /// <summary>Computes Jᵀ w, parameter by parameter.</summary>
    /// <param name="weights">One weight per sample, [N]; converted to the model's type.</param>
    /// <returns>One tensor shaped like each parameter, keyed by the parameter's handle; owned by the caller.</returns>
    public Dictionary<IntPtr, Tensor> Combine(Tensor weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var result = new Dictionary<IntPtr, Tensor>();
        foreach (var uses in _byParameter)
        {
            using var layerScope = NewDisposeScope();
            var typed = weights.to(uses[0].Error.dtype).to(uses[0].Error.device);
            var sum = Sum(uses.Select(pair => pair.Use.Combine(pair.Error, typed)));
            result.Add(uses[0].Use.Parameter.Handle, sum.MoveToOuterDisposeScope().MoveToOuterDisposeScope());
        }

        return result;
    }

    /// <summary>Computes J v: each sample's inner product with a direction.</summary>
    /// <param name="direction">One tensor shaped like each parameter, keyed by the parameter's handle.</param>
    /// <returns>[N], float64; owned by the caller.</returns>
    public Tensor Dot(IReadOnlyDictionary<IntPtr, Tensor> direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var total = zeros(SampleCount, dtype: ScalarType.Float64, device: _byParameter[0][0].Error.device); // [N]
        foreach (var (use, error) in _byParameter.SelectMany(uses => uses))
        {
            using var layerScope = NewDisposeScope();
            total.AddInPlace(use.Dot(error, direction[use.Parameter.Handle].to(error.dtype)));
        }

        return total.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, error) in _byParameter.SelectMany(uses => uses))
        {
            error.Dispose();
        }
    }

    private static void AddGram(Tensor gram, List<(ParameterUse Use, Tensor Error)> uses, long chunkBytes)
    {
        using var scope = NewDisposeScope();
        if (uses is [var single])
        {
            single.Use.AddGram(gram, single.Error);
        }
        else
        {
            AddGramOfSums(gram, [uses], chunkBytes);
        }
    }

    // The sum over all uses has cross terms, so it is formed, slice by slice over the parameter's first dimension.
    private static void AddGramOfSums(Tensor gram, IReadOnlyList<List<(ParameterUse Use, Tensor Error)>> captures, long chunkBytes)
    {
        var (rowCount, shape) = (gram.shape[0], captures[0][0].Use.Parameter.shape);
        var sliceBytes = rowCount * shape.Skip(1).Aggregate((long)sizeof(double), (product, size) => product * size);
        var count = Math.Clamp(chunkBytes / sliceBytes, 1, shape[0]);
        for (long start = 0; start < shape[0]; start += count)
        {
            using var chunkScope = NewDisposeScope();
            var length = Math.Min(count, shape[0] - start);
            var slices = captures.Select(uses =>
                Sum(uses.Select(pair => pair.Use.PerSampleSlice(pair.Error, start, length))).flatten(1).to(ScalarType.Float64));
            var rows = cat([.. slices]); // [K·N, P_slice]
            gram.AddInPlace(rows.mm(rows.t()));
        }
    }

    private List<(ParameterUse Use, Tensor Error)> UsesOf(Parameter parameter) =>
        _byParameter.Single(uses => uses[0].Use.Parameter.Handle == parameter.Handle);

    private static Tensor RowsOf(List<(ParameterUse Use, Tensor Error)> uses) =>
        Sum(uses.Select(pair => pair.Use.PerSampleGradient(pair.Error))).flatten(1); // [N, P_layer]

    private static Tensor Sum(IEnumerable<Tensor> terms) => terms.Aggregate((sum, term) => sum.Plus(term));
}
