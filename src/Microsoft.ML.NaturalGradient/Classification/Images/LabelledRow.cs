namespace Microsoft.ML.NaturalGradient.Classification;

/// <summary>A row with a label whose picture is still to be read.</summary>
/// <param name="Process">Rank of the process that reads it.</param>
/// <param name="Row">Its position in that process's data, from 0.</param>
/// <param name="Label">Its class.</param>
internal readonly record struct LabelledRow(int Process, long Row, RowLabel Label)
{
    /// <summary>Writes a row for another process.</summary>
    /// <param name="writer">Receives it.</param>
    /// <param name="row">The row.</param>
    public static void Write(BinaryWriter writer, LabelledRow row)
    {
        writer.Write(row.Process);
        writer.Write(row.Row);
        row.Label.WriteTo(writer);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    public static LabelledRow Read(BinaryReader reader) => new(reader.ReadInt32(), reader.ReadInt64(), RowLabel.ReadFrom(reader));
}
