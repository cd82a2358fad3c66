using OnnxMessages;
using static Microsoft.ML.NaturalGradient.Models.Onnx.OnnxArithmetic;
using static Microsoft.ML.NaturalGradient.Models.Onnx.OnnxGraph;

namespace Microsoft.ML.NaturalGradient.Models.Onnx;

/// <summary>Operators that arrange, cut, join and look up numbers.</summary>
internal static class OnnxShapes
{
    /// <summary>Gives the numbers another shape, in the same order.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="shape">The new shape: what is not known is either at its old place, or the only such dimension.</param>
    public static OnnxValue Reshape(this OnnxGraph graph, OnnxValue value, params OnnxDimension[] shape)
    {
        Check(OnnxShape.HaveSameCount(value.Shape, shape), $"Reshape to {OnnxShape.Text(shape)}", value);
        var target = new long[shape.Length];
        for (var i = 0; i < shape.Length; i++)
        {
            // 0 keeps the dimension at this place, −1 takes what the others leave.
            target[i] = shape[i].IsKnown ? shape[i].Value : i < value.Rank && value.Shape[i] == shape[i] ? 0 : -1;
        }

        Check(target.Count(dimension => dimension == -1) < 2, $"Reshape to {OnnxShape.Text(shape)}", value);
        return graph.Add("Reshape", [value, graph.Integers(target)], value.Type, shape);
    }

    /// <summary>Exchanges dimensions.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="order">Where each dimension of the result comes from.</param>
    public static OnnxValue Transpose(this OnnxGraph graph, OnnxValue value, params int[] order)
    {
        Check(order.Order().SequenceEqual(Enumerable.Range(0, value.Rank)), "Transpose", value);
        return graph.Add("Transpose", [value], value.Type, [.. order.Select(axis => value.Shape[axis])], Attribute("perm", order.Select(axis => (long)axis)));
    }

    /// <summary>Adds dimensions of one.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="axis">Place of the new dimension in the result.</param>
    public static OnnxValue Unsqueeze(this OnnxGraph graph, OnnxValue value, int axis)
    {
        var place = OnnxShape.Axis(axis, value.Rank + 1);
        return graph.AddAlong("Unsqueeze", value, place, [.. value.Shape.Take(place), 1, .. value.Shape.Skip(place)]);
    }

    /// <summary>Adds a node whose dimension is an input; before version 13 of the operators it was a setting.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="operation">Name of the operator.</param>
    /// <param name="value">What it reads.</param>
    /// <param name="axis">The dimension.</param>
    /// <param name="shape">Dimensions of the result.</param>
    /// <param name="attributes">Its settings.</param>
    public static OnnxValue AddAlong(
        this OnnxGraph graph, string operation, OnnxValue value, int axis, IReadOnlyList<OnnxDimension> shape, params AttributeProto[] attributes) => graph.OperatorVersion < 13
        ? graph.Add(operation, [value], value.Type, shape, [Attribute("axes", [(long)axis]), .. attributes])
        : graph.Add(operation, [value, graph.Integers(axis)], value.Type, shape, attributes);

    /// <summary>Repeats numbers along dimensions of one.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="like">A value of the shape that is wanted.</param>
    public static OnnxValue ExpandLike(this OnnxGraph graph, OnnxValue value, OnnxValue like)
    {
        Check(OnnxShape.Broadcast(value.Shape, like.Shape).SequenceEqual(like.Shape), "Expand", value, like);
        return graph.Add("Expand", [value, graph.ShapeOf(like)], value.Type, like.Shape);
    }

    /// <summary>Repeats numbers along the first dimension, which is one.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">[1, ...].</param>
    /// <param name="like">A value whose first dimension is wanted.</param>
    /// <returns>[N, ...].</returns>
    public static OnnxValue ExpandRows(this OnnxGraph graph, OnnxValue value, OnnxValue like)
    {
        Check(value.Shape[0] == 1, "Expand", value);
        var target = graph.Concat(0, graph.SizeOf(like, 0), graph.Integers([.. value.Shape.Skip(1).Select(dimension => dimension.Value)]));
        return graph.Add("Expand", [value, target], value.Type, OnnxShape.With(value.Shape, 0, like.Shape[0]));
    }

    /// <summary>The dimensions of a value, as numbers.</summary>
    public static OnnxValue ShapeOf(this OnnxGraph graph, OnnxValue value) => graph.Add("Shape", [value], OnnxElementType.Int64, [value.Rank]);

    /// <summary>One dimension of a value, as a vector of one number.</summary>
    public static OnnxValue SizeOf(this OnnxGraph graph, OnnxValue value, int axis) => graph.OperatorVersion < 15
        ? graph.Slice(graph.ShapeOf(value), 0, axis, axis + 1)
        : graph.Add("Shape", [value], OnnxElementType.Int64, [1], Attribute("start", axis), Attribute("end", axis + 1));

    /// <summary>0, 1, ... along a dimension.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The value.</param>
    /// <param name="axis">The dimension.</param>
    /// <returns>[that dimension], int64.</returns>
    public static OnnxValue Indices(this OnnxGraph graph, OnnxValue value, int axis)
    {
        var size = graph.AddAlong("Squeeze", graph.SizeOf(value, axis), 0, []);
        return graph.Add("Range", [graph.Integer(0), size, graph.Integer(1)], OnnxElementType.Int64, [value.Shape[axis]]);
    }

    /// <summary>Joins values along a dimension.</summary>
    public static OnnxValue Concat(this OnnxGraph graph, int axis, params OnnxValue[] values)
    {
        var place = OnnxShape.Axis(axis, values[0].Rank);
        Check(
            values.All(value => value.Type == values[0].Type && value.Rank == values[0].Rank
                && OnnxShape.With(value.Shape, place, 0).SequenceEqual(OnnxShape.With(values[0].Shape, place, 0))),
            "Concat", values);
        var joined = values.Select(value => value.Shape[place]).Aggregate((sum, dimension) => sum + dimension);
        return graph.Add("Concat", values, values[0].Type, OnnxShape.With(values[0].Shape, place, joined), Attribute("axis", place));
    }

    /// <summary>Divides a value into parts of the same size along the last dimension.</summary>
    public static OnnxValue[] Split(this OnnxGraph graph, OnnxValue value, int count)
    {
        var part = value.Width.Value / count;
        Check(part * count == value.Width.Value, "Split", value);
        var shape = OnnxShape.With(value.Shape, value.Rank - 1, part);
        return graph.AddAll("Split", [value], [.. Enumerable.Repeat((value.Type, (IReadOnlyList<OnnxDimension>)shape), count)], Attribute("axis", -1L));
    }

    /// <summary>Cuts a part out along a dimension.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="axis">The dimension.</param>
    /// <param name="start">Where the part begins.</param>
    /// <param name="end">Where it ends; null for the end of the dimension.</param>
    public static OnnxValue Slice(this OnnxGraph graph, OnnxValue value, int axis, long start, long? end = null)
    {
        var place = OnnxShape.Axis(axis, value.Rank);
        var size = end is { } last ? last - start : value.Shape[place] + -start;
        return graph.Add(
            "Slice", [value, graph.Integers(start), graph.Integers(end ?? long.MaxValue), graph.Integers(place)], value.Type, OnnxShape.With(value.Shape, place, size));
    }

    /// <summary>Takes what stands at one place of a dimension, which the result does not have.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="axis">The dimension.</param>
    /// <param name="place">The place.</param>
    public static OnnxValue Select(this OnnxGraph graph, OnnxValue value, int axis, long place) => graph.Gather(value, graph.Integer(place), axis);

    /// <summary>Takes what stands at given places of a dimension, in place of which the result has the dimensions of the places.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">The numbers.</param>
    /// <param name="places">The places, int64.</param>
    /// <param name="axis">The dimension.</param>
    public static OnnxValue Gather(this OnnxGraph graph, OnnxValue value, OnnxValue places, int axis = 0)
    {
        Check(places.Type == OnnxElementType.Int64, "Gather", value, places);
        return graph.Add("Gather", [value, places], value.Type, [.. value.Shape.Take(axis), .. places.Shape, .. value.Shape.Skip(axis + 1)], Attribute("axis", axis));
    }

    /// <summary>Takes from each row what stands at the places that belong to it.</summary>
    /// <param name="graph">The graph; changed.</param>
    /// <param name="value">[..., A].</param>
    /// <param name="places">[..., B], int64.</param>
    /// <returns>[..., B].</returns>
    public static OnnxValue GatherLast(this OnnxGraph graph, OnnxValue value, OnnxValue places)
    {
        Check(places.Type == OnnxElementType.Int64 && value.Shape.SkipLast(1).SequenceEqual(places.Shape.SkipLast(1)), "GatherElements", value, places);
        return graph.Add("GatherElements", [value, places], value.Type, places.Shape, Attribute("axis", -1L));
    }
}
