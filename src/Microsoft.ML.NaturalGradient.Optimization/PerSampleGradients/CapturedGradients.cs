using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Optimization;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.PerSampleGradients;

/// <summary>The per-sample gradients J [N, P] of one batch, held as per-layer pairs and never formed as a whole.</summary>
/// <remarks>
/// Row n is the gradient of sample n's own seeded loss. The three operations are all that EF, iEF and SF need:
/// <see cref="Gram(bool)"/> (J Jᵀ), <see cref="Combine"/> (Jᵀ w) and <see cref="Dot"/> (J v).
/// </remarks>
internal sealed class CapturedGradients : IPerSampleGradients
{
    private const long ChunkBytes = 24L << 20; // as ParameterUse.ChunkBytes

    private readonly List<List<(ParameterUse Use, Tensor Error)>> _byParameter = [];
    private readonly IReadOnlyList<(ParameterUse Use, Tensor Error)> _uses;

    internal CapturedGradients(IReadOnlyList<(ParameterUse Use, Tensor Error)> uses)
    {
        _uses = uses;
        // A parameter used twice (tied weights) has one gradient: the sum over its uses.
        var index = new Dictionary<Parameter, int>(SameParameter.Comparer);
        foreach (var pair in uses)
        {
            var parameter = pair.Use.Parameter;
            if (!index.TryGetValue(parameter, out var position))
            {
                position = _byParameter.Count;
                index.Add(parameter, position);
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

    /// <summary>The uses of each of <see cref="Parameters"/>, with the gradient of the output that was made with it.</summary>
    public IReadOnlyList<IReadOnlyList<(ParameterUse Use, Tensor Error)>> UsesByParameter => _byParameter;

    /// <summary>What the layers recorded: the parameters of one output together, with the gradient of that output.</summary>
    public IEnumerable<(IReadOnlyList<ParameterUse> Uses, Tensor Error)> Records =>
        _uses.GroupBy<(ParameterUse Use, Tensor Error), Tensor, ParameterUse>(pair => pair.Error, pair => pair.Use, ReferenceEqualityComparer.Instance)
            .Select(record => ((IReadOnlyList<ParameterUse>)[.. record], record.Key));

    /// <summary>Computes the Gram matrix C = J Jᵀ in float64.</summary>
    /// <param name="chunkBytes">
    /// Most bytes of per-sample gradients that are formed at a time for a parameter used twice, such as an embedding that is the head too.
    /// </param>
    /// <returns>C, [N, N], float64; owned by the caller.</returns>
    public Tensor Gram(long chunkBytes) => JointGram([this], chunkBytes: chunkBytes);

    /// <inheritdoc/>
    public Tensor Gram(bool isDamped = false) => JointGram([this], isDamped);

    /// <summary>Computes the part of one parameter in the Gram matrix, in float64.</summary>
    /// <param name="parameter">A member of <see cref="Parameters"/>.</param>
    /// <returns>[N, N], float64; owned by the caller.</returns>
    public Tensor GramOf(Parameter parameter)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var uses = UsesOf(parameter);
        var gram = zeros(SampleCount, SampleCount, dtype: ScalarType.Float64, device: uses[0].Error.device); // [N, N]
        AddGram(gram, [uses], ScalarType.Float64, ChunkBytes);
        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the inner products between the rows of several captures of one forward pass, in float64.</summary>
    /// <remarks>Layer by layer, from pairs of positions or from rows that are formed in slices, whichever is cheaper; the whole costs O(K²N²P).</remarks>
    /// <param name="captures">K captures, each J_k [N, P].</param>
    /// <param name="isDamped">As in <see cref="IPerSampleGradients.JointGram"/>.</param>
    /// <param name="chunkBytes">Most bytes of per-sample gradients that are formed at a time.</param>
    /// <returns>[K·N, K·N], rows of the first capture first; owned by the caller.</returns>
    public static Tensor JointGram(IReadOnlyList<CapturedGradients> captures, bool isDamped = false, long chunkBytes = ChunkBytes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var rows = captures.Count * captures[0].SampleCount;
        var gram = zeros(rows, rows, dtype: ScalarType.Float64, device: captures[0]._byParameter[0][0].Error.device); // [K·N, K·N]
        for (var position = 0; position < captures[0]._byParameter.Count; position++)
        {
            var type = isDamped && captures[0]._byParameter[position][0].Error.dtype == ScalarType.Float32 ? ScalarType.Float32 : ScalarType.Float64;
            AddGram(gram, [.. captures.Select(capture => capture._byParameter[position])], type, chunkBytes);
        }

        return gram.MoveToOuterDisposeScope();
    }

    /// <summary>Computes the inner products with the rows of another capture, of this or another forward pass of the same network, in float64.</summary>
    /// <param name="other">J', [M, P]; a parameter that one of the two passes did not use counts as zero there.</param>
    /// <param name="only">The only parameter to count; null for all.</param>
    /// <param name="chunkBytes">Most bytes of per-sample gradients that are formed at a time.</param>
    /// <returns>J J'ᵀ, [N, M], float64; owned by the caller.</returns>
    public Tensor CrossGram(CapturedGradients other, Parameter? only = null, long chunkBytes = ChunkBytes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var gram = zeros(SampleCount, other.SampleCount, dtype: ScalarType.Float64, device: _byParameter[0][0].Error.device); // [N, M]
        var others = other._byParameter.ToDictionary(uses => uses[0].Use.Parameter, SameParameter.Comparer);
        foreach (var uses in _byParameter)
        {
            var parameter = uses[0].Use.Parameter;
            if (others.TryGetValue(parameter, out var otherUses) && (only is null || ReferenceEquals(only, parameter)))
            {
                AddCrossGram(gram, uses, otherUses, chunkBytes);
            }
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

    /// <summary>Gives these gradients in other coordinates φ, θ = √f φ: those of each parameter times √f.</summary>
    /// <param name="coordinates">The parameters with their factors f; null to change nothing.</param>
    /// <returns>The gradients, which take the place of this object.</returns>
    public CapturedGradients In(ParameterSet? coordinates)
    {
        if (coordinates is null)
        {
            return this;
        }

        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var errors = _uses.Select(pair => pair.Error.In(coordinates, pair.Use.Parameter)).ToList();
        foreach (var (_, error) in _uses.Where(pair => !errors.Contains(pair.Error, ReferenceEqualityComparer.Instance)))
        {
            error.Dispose();
        }

        return new CapturedGradients([.. _uses.Zip(errors, (pair, error) => (pair.Use, error.DetachFromDisposeScope()))]);
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
    /// <returns>One tensor shaped like each parameter, by parameter; owned by the caller.</returns>
    public ParameterVector Combine(Tensor weights)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var sums = new List<Tensor>();
        foreach (var uses in _byParameter)
        {
            using var layerScope = NewDisposeScope();
            var typed = weights.to(uses[0].Error.dtype).to(uses[0].Error.device);
            var sum = Sum(uses.Select(pair => pair.Use.Combine(pair.Error, typed)));
            sums.Add(sum.MoveToOuterDisposeScope().MoveToOuterDisposeScope());
        }

        return new ParameterVector(Parameters, sums);
    }

    /// <summary>Computes J v: each sample's inner product with a direction.</summary>
    /// <param name="direction">One tensor shaped like each parameter.</param>
    /// <returns>[N], float64; owned by the caller.</returns>
    public Tensor Dot(ParameterVector direction)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var total = zeros(SampleCount, dtype: ScalarType.Float64, device: _byParameter[0][0].Error.device); // [N]
        foreach (var (use, error) in _byParameter.SelectMany(uses => uses))
        {
            using var layerScope = NewDisposeScope();
            total.AddInPlace(use.Dot(error, direction[use.Parameter].to(error.dtype)));
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

    // One parameter's part, with its uses in each of K captures of one pass.
    private static void AddGram(Tensor gram, IReadOnlyList<List<(ParameterUse Use, Tensor Error)>> captures, ScalarType type, long chunkBytes)
    {
        using var scope = NewDisposeScope();
        if (captures is [[var single]])
        {
            single.Use.AddGram(gram, single.Error, type);
            return;
        }

        if (!PrefersPairs(captures[0]))
        {
            AddGramOfSums(gram, captures, chunkBytes);
            return;
        }

        // Of all pairs of uses, whether of one capture or of two, each once: the Gram matrix is symmetric.
        var samples = gram.shape[0] / captures.Count;
        var all = captures.SelectMany((uses, k) => uses.Select(pair => (pair.Use, pair.Error, Start: k * samples))).ToList();
        for (var i = 0; i < all.Count; i++)
        {
            var (use, error, start) = all[i];
            use.AddGram(gram.narrow(0, start, samples).narrow(1, start, samples), error, type);
            foreach (var other in all.Take(i))
            {
                using var pairScope = NewDisposeScope();
                var block = zeros(samples, samples, dtype: ScalarType.Float64, device: gram.device); // [N, N]
                use.AddCrossGram(block, error, other.Use, other.Error);
                gram.narrow(0, start, samples).narrow(1, other.Start, samples).AddInPlace(block);
                gram.narrow(0, other.Start, samples).narrow(1, start, samples).AddInPlace(block.t());
            }
        }
    }

    private static bool PrefersPairs(List<(ParameterUse Use, Tensor Error)> uses) => uses.Any(pair => pair.Use.PrefersPairs(pair.Error));

    // One parameter's part, with its uses in two passes.
    private static void AddCrossGram(
        Tensor gram, List<(ParameterUse Use, Tensor Error)> left, List<(ParameterUse Use, Tensor Error)> right, long chunkBytes)
    {
        using var scope = NewDisposeScope();
        if (PrefersPairs(left))
        {
            foreach (var (use, error) in left)
            {
                right.ForEach(other => use.AddCrossGram(gram, error, other.Use, other.Error));
            }

            return;
        }

        ForEachSlice(gram.shape[0] + gram.shape[1], left[0].Use, chunkBytes, (start, count) =>
            gram.AddInPlace(SliceOfSum(left, start, count).mm(SliceOfSum(right, start, count).t())));
    }

    // The sum over all uses has cross terms, so it is formed, slice by slice over the parameter's first dimension.
    private static void AddGramOfSums(Tensor gram, IReadOnlyList<List<(ParameterUse Use, Tensor Error)>> captures, long chunkBytes)
    {
        ForEachSlice(gram.shape[0], captures[0][0].Use, chunkBytes, (start, count) =>
        {
            var rows = cat([.. captures.Select(uses => SliceOfSum(uses, start, count))]); // [K·N, P_slice]
            gram.AddInPlace(rows.mm(rows.t()));
        });
    }

    private static void ForEachSlice(long rowCount, ParameterUse use, long chunkBytes, Action<long, long> slice)
    {
        var length = use.Length;
        var count = Math.Clamp(chunkBytes / (rowCount * sizeof(double) * (use.Parameter.numel() / length)), 1, length);
        for (long start = 0; start < length; start += count)
        {
            using var scope = NewDisposeScope();
            slice(start, Math.Min(count, length - start));
        }
    }

    private static Tensor SliceOfSum(List<(ParameterUse Use, Tensor Error)> uses, long start, long count) =>
        Sum(uses.Select(pair => pair.Use.PerSampleSlice(pair.Error, start, count))).flatten(1).to(ScalarType.Float64); // [N, P_slice]

    private List<(ParameterUse Use, Tensor Error)> UsesOf(Parameter parameter) =>
        _byParameter.Single(uses => ReferenceEquals(uses[0].Use.Parameter, parameter));

    private static Tensor RowsOf(List<(ParameterUse Use, Tensor Error)> uses) =>
        Sum(uses.Select(pair => pair.Use.PerSampleGradient(pair.Error))).flatten(1); // [N, P_layer]

    private static Tensor Sum(IEnumerable<Tensor> terms) => terms.Aggregate((sum, term) => sum.Plus(term));
}
