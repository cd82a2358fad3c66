namespace Microsoft.ML.NaturalGradient.Checkpoints.MLNet;

/// <summary>Reads sizes from the shapes of a file's tensors.</summary>
internal static class TensorShape
{
    /// <summary>Sizes of a matrix that must be there.</summary>
    /// <param name="file">The file.</param>
    /// <param name="name">Name of the tensor.</param>
    /// <exception cref="InvalidDataException">There is no such tensor, it is no matrix, or it has a size that none has.</exception>
    public static (int Rows, int Columns) Matrix(ISafetensors file, string name)
    {
        if (!file.Contains(name))
        {
            throw Unexpected(file, $"it has no tensor '{name}', only {(file.Names.Count == 0 ? "none at all" : MessageText.Few(file.Names))}");
        }

        var shape = file.Describe(name).Shape;
        return shape is [> 0 and <= int.MaxValue and var rows, > 0 and <= int.MaxValue and var columns]
            ? ((int)rows, (int)columns)
            : throw Unexpected(file, $"'{name}' has the shape {MessageText.Shape(shape)} where a matrix is expected");
    }

    /// <summary>The error for a file that is of another network.</summary>
    /// <param name="file">The file.</param>
    /// <param name="what">What is wrong with it.</param>
    public static InvalidDataException Unexpected(ISafetensors file, string what) => new(
        $"{file.Description} is not the encoder that ML.NET's trainers download: {what}. Give PretrainedModel.FromMLNet the file that belongs to its model.");
}
