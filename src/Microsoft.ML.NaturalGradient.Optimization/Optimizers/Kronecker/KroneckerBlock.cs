using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Optimization;

/// <summary>Running averages of A and G of one linear map, and their inverses.</summary>
internal sealed class KroneckerBlock
{
    private readonly Parameter? _weight;
    private readonly Parameter? _bias;
    private readonly KroneckerDamping _form;
    private readonly Tensor _input; // A, [I, I]
    private readonly Tensor _error; // G, [O, O]
    private readonly Tensor _inputInverse; // (A + π√λ I)⁻¹, or the eigenvectors of A
    private readonly Tensor _errorInverse; // (G + √λ/π I)⁻¹, or the eigenvectors of G
    private readonly Tensor? _inputValues; // eigenvalues of A, [I]
    private readonly Tensor? _errorValues; // eigenvalues of G, [O]

    /// <summary>Creates the averages at zero.</summary>
    /// <param name="estimate">Map, shapes and types.</param>
    /// <param name="form">How the damping enters.</param>
    /// <param name="track">Takes over a tensor of the state, by name.</param>
    public KroneckerBlock(KroneckerEstimate.Block estimate, KroneckerDamping form, Func<string, Tensor, Tensor> track)
    {
        (_weight, _bias, _form) = (estimate.Map.Weight, estimate.Map.Bias, form);
        _input = track("input", zeros_like(estimate.InputFactor));
        _error = track("error", zeros_like(estimate.ErrorFactor));
        _inputInverse = track("input-inverse", zeros_like(_input));
        _errorInverse = track("error-inverse", zeros_like(_error));
        if (form == KroneckerDamping.Exact)
        {
            _inputValues = track("input-values", zeros_like(_input[0]));
            _errorValues = track("error-values", zeros_like(_error[0]));
        }
    }

    /// <summary>The map's first parameter, by which its block is known.</summary>
    public Parameter Key => (_weight ?? _bias)!;

    /// <summary>X ← ρX + (1 − ρ)X_batch for both factors.</summary>
    public void Update(KroneckerEstimate.Block estimate, double decay)
    {
        _input.AverageInPlace(estimate.InputFactor, decay);
        _error.AverageInPlace(estimate.ErrorFactor, decay);
    }

    /// <summary>The trace of A ⊗ G.</summary>
    /// <param name="weight">What the averages sum to.</param>
    public double Trace(double weight)
    {
        using var scope = NewDisposeScope();
        return KroneckerAlgebra.Trace(_input) * KroneckerAlgebra.Trace(_error) / (weight * weight);
    }

    /// <summary>Takes the inverses of the averages as they are now.</summary>
    /// <param name="weight">What the averages sum to.</param>
    /// <param name="damping">λ̄, greater than zero.</param>
    public void Invert(double weight, double damping)
    {
        using var scope = NewDisposeScope();
        var (input, error) = (_input.to(ScalarType.Float64).Times(1 / weight), _error.to(ScalarType.Float64).Times(1 / weight));
        if (_form == KroneckerDamping.Factored)
        {
            var (left, right) = KroneckerAlgebra.FactoredInverse(input, error, damping);
            _inputInverse.copy_(left);
            _errorInverse.copy_(right);
            return;
        }

        var (inputValues, inputVectors) = linalg.eigh(input);
        var (errorValues, errorVectors) = linalg.eigh(error);
        _inputValues!.copy_(inputValues);
        _errorValues!.copy_(errorValues);
        _inputInverse.copy_(inputVectors);
        _errorInverse.copy_(errorVectors);
    }

    /// <summary>Replaces the map's part of a gradient by (A ⊗ G + λ̄I)⁻¹ of it.</summary>
    /// <param name="gradient">By parameter; changed.</param>
    /// <param name="damping">λ̄ of the last <see cref="Invert"/>.</param>
    public void Precondition(ParameterVector gradient, double damping)
    {
        using var scope = NewDisposeScope();
        var joined = LinearMap.Join(Part(_weight), Part(_bias)); // [O, I]
        var result = _form == KroneckerDamping.Factored
            ? _errorInverse.mm(joined).mm(_inputInverse)
            : KroneckerAlgebra.Solve(joined, (_inputValues!, _inputInverse), (_errorValues!, _errorInverse), damping);
        if (_weight is not null)
        {
            var width = result.shape[1] - (_bias is null ? 0 : 1);
            gradient[_weight] = result.narrow(1, 0, width).reshape(_weight.shape).MoveToOuterDisposeScope();
        }

        if (_bias is not null)
        {
            gradient[_bias] = result.select(1, -1).MoveToOuterDisposeScope();
        }

        Tensor? Part(Parameter? parameter) => parameter is null ? null : gradient[parameter];
    }
}
