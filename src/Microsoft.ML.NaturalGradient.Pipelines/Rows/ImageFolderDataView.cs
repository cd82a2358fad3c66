namespace Microsoft.ML;

/// <summary>Makes folders of pictures known to ML.NET.</summary>
public static class ImageFolderDataView
{
    /// <summary>The pictures as a data view with the text columns <c>ImagePath</c> and <c>Label</c>.</summary>
    /// <param name="folder">The pictures.</param>
    /// <param name="mlContext">The context.</param>
    /// <returns>The data view.</returns>
    public static IDataView ToDataView(this ImageFolder folder, MLContext mlContext)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(mlContext);
        return mlContext.Data.LoadFromEnumerable(folder.Rows);
    }
}
