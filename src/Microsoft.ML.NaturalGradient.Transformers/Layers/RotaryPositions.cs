using Microsoft.ML.NaturalGradient.Models.Onnx;
using Microsoft.ML.NaturalGradient.Numerics;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Layers;

/// <summary>Rotates the two halves of queries and keys by angles that grow with the position, so that their products see distances.</summary>
/// <remarks>
/// Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021, eq. (34), with entry i paired with entry i + d/2:
/// angle of position t and pair i = t·θ^(−2i/d). Angles are computed in float64, for any type of the model.
/// </remarks>
internal sealed class RotaryPositions
{
    private readonly Tensor _cosines; // [T, d]
    private readonly Tensor _sines; // [T, d], negative in the first half

    private RotaryPositions(Tensor cosines, Tensor sines)
    {
        _cosines = cosines;
        _sines = sines;
    }

    /// <summary>Computes the angles.</summary>
    /// <param name="tokens">Tokens T.</param>
    /// <param name="headSize">Width d of a head, even.</param>
    /// <param name="theta">Base θ of the frequencies.</param>
    /// <param name="like">A tensor of the type and on the device of the model.</param>
    /// <returns>The angles, whose tensors are in the caller's dispose scope.</returns>
    public static RotaryPositions Create(long tokens, long headSize, double theta, Tensor like)
    {
        var frequencies = Enumerable.Range(0, (int)headSize / 2).Select(i => Math.Pow(theta, -2.0 * i / headSize)).ToArray();
        var angles = TensorMath.Indices(tokens, CPU).to(ScalarType.Float64).unsqueeze(1).mul(tensor(frequencies).unsqueeze(0)); // [T, d/2]
        var (cosines, sines) = (angles.cos(), angles.sin());
        return new RotaryPositions(
            cat([cosines, cosines], 1).to(like.dtype).to(like.device), cat([sines.neg(), sines], 1).to(like.dtype).to(like.device));
    }

    /// <summary>Writes the angles into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="name">What the tables are called.</param>
    /// <param name="most">Most tokens.</param>
    /// <param name="headSize">Width d of a head, even.</param>
    /// <param name="theta">Base θ of the frequencies.</param>
    /// <param name="states">What is rotated, [N, T, D].</param>
    /// <returns>Cosines, and sines that are negative in the first half, [T, d].</returns>
    public static (OnnxValue Cosines, OnnxValue Sines) Emit(OnnxGraph graph, string name, long most, long headSize, double theta, OnnxValue states)
    {
        using var scope = graph.Enter(name);
        var positions = graph.Indices(states, 1); // [T]
        return (Table("cosines", angles => angles._cosines), Table("sines", angles => angles._sines));

        OnnxValue Table(string part, Func<RotaryPositions, Tensor> of) =>
            graph.Gather(graph.Weight(part, () => of(Create(most, headSize, theta, empty(0, ScalarType.Float32, CPU))), most, headSize), positions);
    }

    /// <summary>Writes <see cref="Rotate"/> into a graph.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="states">Queries or keys, [N, H, T, d].</param>
    /// <param name="context">Has cosines and sines.</param>
    /// <returns>[N, H, T, d].</returns>
    public static OnnxValue EmitRotate(OnnxGraph graph, OnnxValue states, OnnxContext context)
    {
        var halves = graph.Split(states, 2);
        return graph.Add(graph.Mul(states, context.Cosines!), graph.Mul(graph.Concat(-1, halves[1], halves[0]), context.Sines!));
    }

    /// <summary>Rotates.</summary>
    /// <param name="states">Queries or keys, [N, H, T, d].</param>
    /// <returns>[N, H, T, d].</returns>
    public Tensor Rotate(Tensor states)
    {
        var halves = states.chunk(2, -1);
        return states.mul(_cosines).Plus(cat([halves[1], halves[0]], -1).mul(_sines));
    }
}
