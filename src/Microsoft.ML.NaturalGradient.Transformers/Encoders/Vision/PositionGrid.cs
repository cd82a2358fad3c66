using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.Vision;

/// <summary>Fits learned positions, which form a square grid behind those of special tokens, to pictures of other sizes.</summary>
internal static class PositionGrid
{
    /// <summary>Resizes the grid, bicubic and without aligned corners, and leaves the positions of special tokens as they are.</summary>
    /// <remarks>
    /// As the reference implementations of ViT, DeiT and DINOv2 do, by the target's number of rows and columns. That of DINOv2 computes in float32
    /// whatever the model's type; here the model's own type is used. Linear in the table, so that the same call on the identity gives the map.
    /// </remarks>
    /// <param name="table">Positions of S special tokens and g² patches, [1, S + g², D].</param>
    /// <param name="specialCount">Special tokens S.</param>
    /// <param name="rows">Rows of patches of the pictures.</param>
    /// <param name="columns">Patches in a row of the pictures.</param>
    /// <returns>[1, S + rows · columns, D]; in the caller's dispose scope, in the graph of <paramref name="table"/>.</returns>
    public static Tensor Resize(Tensor table, long specialCount, long rows, long columns)
    {
        var (count, width) = (table.shape[1] - specialCount, table.shape[2]);
        var size = (long)Math.Sqrt(count);
        var grid = table.narrow(1, specialCount, count).view(1, size, size, width).permute(0, 3, 1, 2); // [1, D, g, g]
        var resized = nn.functional.interpolate(grid, [rows, columns], mode: InterpolationMode.Bicubic, align_corners: false);
        return cat([table.narrow(1, 0, specialCount), resized.flatten(2).transpose(1, 2)], 1);
    }

    /// <summary>Computes what <see cref="Resize"/> does as a matrix.</summary>
    /// <param name="table">Positions of S special tokens and g² patches, [1, T, D]; only its shape, type and device are used.</param>
    /// <param name="specialCount">Special tokens S.</param>
    /// <param name="rows">Rows of patches of the pictures.</param>
    /// <param name="columns">Patches in a row of the pictures.</param>
    /// <returns>M with Resize(θ) = M·θ, [S + rows · columns, T]; in the caller's dispose scope.</returns>
    public static Tensor Map(Tensor table, long specialCount, long rows, long columns)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var identity = eye(table.shape[1], dtype: table.dtype, device: table.device).unsqueeze(0); // [1, T, T]
        return Resize(identity, specialCount, rows, columns).squeeze(0).MoveToOuterDisposeScope();
    }
}
