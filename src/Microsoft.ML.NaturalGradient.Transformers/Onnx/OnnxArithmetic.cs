using static Microsoft.ML.NaturalGradient.Models.Onnx.OnnxGraph;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Operators that compute each number from those at the same place, products of matrices, and sums along dimensions.</summary>
internal static class OnnxArithmetic
{
    /// <summary>left + right.</summary>
    public static OnnxValue Add(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Binary(graph, "Add", left, right);

    /// <summary>left − right.</summary>
    public static OnnxValue Sub(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Binary(graph, "Sub", left, right);

    /// <summary>left · right, number by number.</summary>
    public static OnnxValue Mul(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Binary(graph, "Mul", left, right);

    /// <summary>left / right.</summary>
    public static OnnxValue Div(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Binary(graph, "Div", left, right);

    /// <summary>The value to the power of the exponent.</summary>
    public static OnnxValue Pow(this OnnxGraph graph, OnnxValue value, OnnxValue exponent) => Binary(graph, "Pow", value, exponent);

    /// <summary>√value.</summary>
    public static OnnxValue Sqrt(this OnnxGraph graph, OnnxValue value) => Float(graph, "Sqrt", value);

    /// <summary>The error function.</summary>
    public static OnnxValue Erf(this OnnxGraph graph, OnnxValue value) => Float(graph, "Erf", value);

    /// <summary>The hyperbolic tangent.</summary>
    public static OnnxValue Tanh(this OnnxGraph graph, OnnxValue value) => Float(graph, "Tanh", value);

    /// <summary>1 / (1 + e^−value).</summary>
    public static OnnxValue Sigmoid(this OnnxGraph graph, OnnxValue value) => Float(graph, "Sigmoid", value);

    /// <summary>The value, and zero where it is negative.</summary>
    public static OnnxValue Relu(this OnnxGraph graph, OnnxValue value) => Float(graph, "Relu", value);

    /// <summary>The value without its sign.</summary>
    public static OnnxValue Abs(this OnnxGraph graph, OnnxValue value) => graph.Add("Abs", [value], value.Type, value.Shape);

    /// <summary>The value, limited to a range.</summary>
    public static OnnxValue Clip(this OnnxGraph graph, OnnxValue value, OnnxValue lowest, OnnxValue highest)
    {
        Check(lowest.Type == value.Type && highest.Type == value.Type && lowest.Rank == 0 && highest.Rank == 0, "Clip", value, lowest, highest);
        return graph.Add("Clip", [value, lowest, highest], value.Type, value.Shape);
    }

    /// <summary>Whether two values are the same.</summary>
    public static OnnxValue Equal(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Compare(graph, "Equal", left, right);

    /// <summary>Whether the left value is greater.</summary>
    public static OnnxValue Greater(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Compare(graph, "Greater", left, right);

    /// <summary>Whether both are true.</summary>
    public static OnnxValue And(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Logical(graph, "And", left, right);

    /// <summary>Whether either is true.</summary>
    public static OnnxValue Or(this OnnxGraph graph, OnnxValue left, OnnxValue right) => Logical(graph, "Or", left, right);

    /// <summary>Whether it is false.</summary>
    public static OnnxValue Not(this OnnxGraph graph, OnnxValue value)
    {
        Check(value.Type == OnnxElementType.Bool, "Not", value);
        return graph.Add("Not", [value], value.Type, value.Shape);
    }

    /// <summary>The same numbers as another type; nothing is added where they have it.</summary>
    public static OnnxValue Cast(this OnnxGraph graph, OnnxValue value, OnnxElementType type) =>
        value.Type == type ? value : graph.Add("Cast", [value], type, value.Shape, Attribute("to", (long)type));

    /// <summary>The products of matrices in the last two dimensions; those before them are repeated where they are one.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="left">[..., A, B].</param>
    /// <param name="right">[..., B, C].</param>
    /// <returns>[..., A, C].</returns>
    public static OnnxValue MatMul(this OnnxGraph graph, OnnxValue left, OnnxValue right) => graph.Add("MatMul", [left, right], left.Type, ProductShape("MatMul", left, right));

    /// <summary>The products of 8-bit matrices as whole numbers; see <see cref="MatMul"/>.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="left">[..., A, B].</param>
    /// <param name="right">[..., B, C].</param>
    /// <param name="leftZero">What stands for zero on the left, [].</param>
    /// <param name="rightZero">What stands for zero on the right, [].</param>
    /// <returns>[..., A, C], int32.</returns>
    public static OnnxValue MatMulInteger(this OnnxGraph graph, OnnxValue left, OnnxValue right, OnnxValue leftZero, OnnxValue rightZero)
    {
        Check(
            left.Type is OnnxElementType.UInt8 && right.Type is OnnxElementType.UInt8 or OnnxElementType.Int8 && leftZero.Type == left.Type && rightZero.Type == right.Type,
            "MatMulInteger", left, right, leftZero, rightZero);
        return graph.Add("MatMulInteger", [left, right, leftZero, rightZero], OnnxElementType.Int32, ProductShape(null, left, right));
    }

    /// <summary>The product of a matrix and another that is stored with its dimensions exchanged.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="left">[A, B].</param>
    /// <param name="right">[C, B].</param>
    /// <returns>[A, C].</returns>
    public static OnnxValue MatMulTransposed(this OnnxGraph graph, OnnxValue left, OnnxValue right)
    {
        Check(left.Rank == 2 && right.Rank == 2 && left.Type == right.Type && left.Width == right.Width, "Gemm", left, right);
        return graph.Add("Gemm", [left, right], left.Type, [left.Shape[0], right.Shape[0]], Attribute("transB", 1));
    }

    /// <summary>The mean along a dimension.</summary>
    public static OnnxValue Mean(this OnnxGraph graph, OnnxValue value, int axis, bool keep = false)
    {
        Check(value.IsFloat, "ReduceMean", value);
        return graph.Add(
            "ReduceMean", [value], value.Type, Reduced(value, axis, keep), Attribute("axes", [(long)axis]), Attribute("keepdims", keep ? 1 : 0));
    }

    /// <summary>The greatest along a dimension.</summary>
    public static OnnxValue Max(this OnnxGraph graph, OnnxValue value, int axis, bool keep = false) => graph.Add(
        "ReduceMax", [value], value.Type, Reduced(value, axis, keep), Attribute("axes", [(long)axis]), Attribute("keepdims", keep ? 1 : 0));

    /// <summary>The sum along a dimension.</summary>
    public static OnnxValue Sum(this OnnxGraph graph, OnnxValue value, int axis, bool keep = false) =>
        graph.AddAlong("ReduceSum", value, axis, Reduced(value, axis, keep), Attribute("keepdims", keep ? 1 : 0));

    /// <summary>The place of the greatest along the last dimension, of which one is left; the first one of several.</summary>
    public static OnnxValue ArgMax(this OnnxGraph graph, OnnxValue value) => graph.Add(
        "ArgMax", [value], OnnxElementType.Int64, Reduced(value, -1, keep: true), Attribute("axis", -1L), Attribute("keepdims", 1));

    /// <summary>Sums from the beginning of a dimension on.</summary>
    public static OnnxValue CumulativeSum(this OnnxGraph graph, OnnxValue value, int axis) =>
        graph.Add("CumSum", [value, graph.Integer(OnnxShape.Axis(axis, value.Rank))], value.Type, value.Shape);

    /// <summary>Shares of e to the power of each value, along the last dimension.</summary>
    public static OnnxValue Softmax(this OnnxGraph graph, OnnxValue value)
    {
        Check(value.IsFloat, "Softmax", value);
        return graph.Add("Softmax", [value], value.Type, value.Shape, Attribute("axis", -1L));
    }

    /// <summary>Logarithms of <see cref="Softmax"/>.</summary>
    public static OnnxValue LogSoftmax(this OnnxGraph graph, OnnxValue value)
    {
        Check(value.IsFloat, "LogSoftmax", value);
        return graph.Add("LogSoftmax", [value], value.Type, value.Shape, Attribute("axis", -1L));
    }

    /// <summary>y = γ ∘ (x − mean)/√(variance + ε) + β over the last dimension.</summary>
    public static OnnxValue LayerNormalization(this OnnxGraph graph, OnnxValue value, OnnxValue scale, OnnxValue shift, double epsilon)
    {
        Check(value.IsFloat && scale.Rank == 1 && scale.Width == value.Width && shift.Rank == 1 && shift.Width == value.Width, "LayerNormalization", value, scale, shift);
        if (graph.OperatorVersion < 17)
        {
            var centred = graph.Sub(value, graph.Mean(value, -1, keep: true));
            var variance = graph.Mean(graph.Pow(centred, graph.Scalar(2)), -1, keep: true);
            return graph.Add(graph.Mul(graph.Div(centred, graph.Sqrt(graph.Add(variance, graph.Scalar(epsilon)))), scale), shift);
        }

        return graph.Add(
            "LayerNormalization", [value, scale, shift], value.Type, value.Shape, Attribute("axis", -1L), Attribute("epsilon", (float)epsilon));
    }

    /// <summary>Throws where a node would be wrong.</summary>
    /// <param name="isRight">Whether it is right.</param>
    /// <param name="operation">Name of the operator.</param>
    /// <param name="operands">What it reads.</param>
    /// <exception cref="InvalidOperationException">It is wrong; the message has its operands.</exception>
    public static void Check(bool isRight, string operation, params OnnxValue[] operands)
    {
        if (!isRight)
        {
            throw new InvalidOperationException($"{operation} cannot read {string.Join(" and ", operands.Select(operand => operand.ToString()))}.");
        }
    }

    private static OnnxValue Binary(OnnxGraph graph, string operation, OnnxValue left, OnnxValue right)
    {
        Check(left.Type == right.Type && left.Type != OnnxElementType.Bool, operation, left, right);
        return graph.Add(operation, [left, right], left.Type, OnnxShape.Broadcast(left.Shape, right.Shape));
    }

    private static OnnxValue Compare(OnnxGraph graph, string operation, OnnxValue left, OnnxValue right)
    {
        Check(left.Type == right.Type, operation, left, right);
        return graph.Add(operation, [left, right], OnnxElementType.Bool, OnnxShape.Broadcast(left.Shape, right.Shape));
    }

    private static OnnxValue Logical(OnnxGraph graph, string operation, OnnxValue left, OnnxValue right)
    {
        Check(left.Type == OnnxElementType.Bool, operation, left, right);
        return Compare(graph, operation, left, right);
    }

    private static OnnxValue Float(OnnxGraph graph, string operation, OnnxValue value)
    {
        Check(value.IsFloat, operation, value);
        return graph.Add(operation, [value], value.Type, value.Shape);
    }

    private static OnnxDimension[] Reduced(OnnxValue value, int axis, bool keep)
    {
        var place = OnnxShape.Axis(axis, value.Rank);
        return [.. value.Shape.Take(place), .. keep ? new OnnxDimension[] { 1 } : [], .. value.Shape.Skip(place + 1)];
    }

    // The operation is named where both have to be floating-point.
    private static OnnxDimension[] ProductShape(string? operation, OnnxValue left, OnnxValue right)
    {
        Check(left.Rank >= 2 && right.Rank >= 2 && left.Width == right.Shape[^2] && (operation is null || (left.IsFloat && left.Type == right.Type)), operation ?? "MatMulInteger", left, right);
        return [.. OnnxShape.Broadcast([.. left.Shape.SkipLast(2)], [.. right.Shape.SkipLast(2)]), left.Shape[^2], right.Width];
    }
}
