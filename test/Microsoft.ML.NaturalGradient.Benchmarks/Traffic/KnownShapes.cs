namespace Microsoft.ML.NaturalGradient.Benchmarks.Traffic;

/// <summary>The trained parameters of transformers of known sizes, without their weights.</summary>
/// <param name="Layers">Layers.</param>
/// <param name="Width">Width D.</param>
/// <param name="Inner">Width of the feed-forward part.</param>
/// <param name="Positions">Tokens T of a row.</param>
internal sealed record KnownShapes(int Layers, int Width, int Inner, int Positions)
{
    private const int Rank = 8;

    /// <summary>Entries of the table of words; 0 for pictures.</summary>
    public int Words { get; init; }

    /// <summary>Entries of the table of positions; for pictures all are used.</summary>
    public int Places { get; init; }

    /// <summary>Numbers of a patch; 0 for texts.</summary>
    public int Patch { get; init; }

    /// <summary>Whether a dense layer stands before the head.</summary>
    public bool HasPooler { get; init; }

    /// <summary>LoRA of rank 8 on query and value, and the head: what the trainers train by default.</summary>
    /// <param name="classes">Classes C.</param>
    public IReadOnlyList<LayerShape> Lora(int classes) =>
    [
        .. Enumerable.Range(0, 2 * Layers).SelectMany(_ => new[] { LayerShape.Linear(Width, Rank, Positions), LayerShape.Linear(Rank, Width, Positions) }),
        .. Head(classes),
    ];

    /// <summary>All weights.</summary>
    /// <param name="classes">Classes C.</param>
    public IReadOnlyList<LayerShape> Full(int classes)
    {
        var shapes = new List<LayerShape>();
        if (Words > 0)
        {
            shapes.AddRange([LayerShape.Table(Words, Width, Positions), LayerShape.Table(Places, Width, Positions), LayerShape.Table(2, Width, Positions)]);
        }
        else
        {
            shapes.AddRange([LayerShape.Linear(Patch, Width, Positions - 1), LayerShape.Vector(((long)Places * Width) + (2 * Width))]);
        }

        shapes.Add(LayerShape.Vector(2 * Width)); // a norm
        for (var layer = 0; layer < Layers; layer++)
        {
            shapes.AddRange(Enumerable.Repeat(LayerShape.Linear(Width, Width, Positions), 4));
            shapes.AddRange([LayerShape.Linear(Width, Inner, Positions), LayerShape.Linear(Inner, Width, Positions), LayerShape.Vector((9L * Width) + Inner)]);
        }

        if (HasPooler)
        {
            shapes.AddRange([LayerShape.Linear(Width, Width, 1), LayerShape.Vector(Width)]);
        }

        return [.. shapes, .. Head(classes)];
    }

    private LayerShape[] Head(int classes) => [LayerShape.Linear(Width, classes, 1), LayerShape.Vector(classes)];
}
