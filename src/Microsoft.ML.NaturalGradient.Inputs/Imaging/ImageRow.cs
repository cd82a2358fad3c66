namespace Microsoft.ML;

/// <summary>A picture and its class, as a row of a data view.</summary>
public sealed class ImageRow
{
    /// <summary>Full path of the picture.</summary>
    public string ImagePath { get; set; } = "";

    /// <summary>Name of the class: the name of the folder that the picture is in.</summary>
    public string Label { get; set; } = "";
}
