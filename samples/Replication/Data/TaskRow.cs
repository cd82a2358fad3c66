namespace ReplicationSample;

/// <summary>A text, or an encoded picture, with its class.</summary>
internal sealed class TaskRow
{
    public string Label { get; set; } = "";

    public string Text { get; set; } = "";

    public byte[] Picture { get; set; } = [];
}
