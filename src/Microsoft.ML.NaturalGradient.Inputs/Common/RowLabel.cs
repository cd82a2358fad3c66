namespace Microsoft.ML.NaturalGradient;

/// <summary>What a row is labelled with, one value or several, and how often the row counts.</summary>
internal readonly struct RowLabel
{
    /// <summary>A value of several that losses pass over; it fills up rows with fewer values than others.</summary>
    public const double Filling = -100;

    /// <summary>Keeps values.</summary>
    /// <param name="values">Class indices, from 0, or numbers; at least one.</param>
    /// <param name="weight">How often the row counts, greater than zero: a row of weight 2 is the same as the row twice.</param>
    public RowLabel(double[] values, double weight = 1)
    {
        Values = values;
        Weight = weight;
    }

    /// <summary>The values.</summary>
    public double[] Values { get; }

    /// <summary>How often the row counts.</summary>
    public double Weight { get; }

    /// <summary>The only value.</summary>
    public double Value => Values[0];

    /// <summary>A label of one value.</summary>
    public static implicit operator RowLabel(double value) => new([value]);

    /// <summary>The same label of a row that counts more or less often.</summary>
    /// <param name="factor">Greater than zero.</param>
    public RowLabel Times(double factor) => new(Values, Weight * factor);

    /// <summary>Writes what tells this label from others.</summary>
    /// <param name="stream">Receives the bytes; nothing more than the values for a weight of one.</param>
    public void WriteTo(Stream stream)
    {
        foreach (var value in Values)
        {
            stream.Write(BitConverter.GetBytes(value));
        }

        if (Weight != 1)
        {
            stream.Write(BitConverter.GetBytes(Weight));
        }
    }

    /// <summary>Writes this label for another process.</summary>
    /// <param name="writer">Receives it.</param>
    public void WriteTo(BinaryWriter writer)
    {
        writer.Write(Weight);
        writer.Write(Values.Length);
        foreach (var value in Values)
        {
            writer.Write(value);
        }
    }

    /// <summary>Reads what <see cref="WriteTo(BinaryWriter)"/> wrote.</summary>
    /// <param name="reader">Where it stands.</param>
    public static RowLabel ReadFrom(BinaryReader reader)
    {
        var weight = reader.ReadDouble();
        var values = new double[reader.ReadInt32()];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = reader.ReadDouble();
        }

        return new RowLabel(values, weight);
    }
}
