using Microsoft.ML.Data;

namespace Microsoft.ML.NaturalGradient.Tests.Classification;

/// <summary>What ML.NET's own tests ask of every estimator: honest schemas, early errors, and a reload that changes nothing.</summary>
internal static class EstimatorContract
{
    public static void Check<T>(MLContext mlContext, IEstimator<T> estimator, IDataView data, IDataView wrongData, params string[] outputs)
        where T : ITransformer, IDisposable
    {
        var promised = estimator.GetOutputSchema(SchemaShape.Create(data.Schema));
        Assert.Throws<ArgumentOutOfRangeException>(() => estimator.GetOutputSchema(SchemaShape.Create(wrongData.Schema)));
        Assert.Throws<ArgumentOutOfRangeException>(() => estimator.Fit(wrongData));

        using var transformer = estimator.Fit(data);
        using var stream = new MemoryStream();
        mlContext.Model.Save(transformer, data.Schema, stream);
        var loaded = mlContext.Model.Load(stream, out var loadedSchema);
        using var loadedOwner = (IDisposable)loaded;
        Assert.Throws<ArgumentOutOfRangeException>(() => transformer.GetOutputSchema(wrongData.Schema));
        Assert.Throws<ArgumentOutOfRangeException>(() => loaded.Transform(wrongData));

        var mapper = transformer.GetRowToRowMapper(data.Schema);
        Assert.AreSame(data.Schema, mapper.InputSchema);
        CheckSchemas(mapper.OutputSchema, transformer.GetOutputSchema(data.Schema));
        CheckSchemas(mapper.OutputSchema, loaded.GetOutputSchema(data.Schema));
        CheckSchemas(mapper.OutputSchema, transformer.Transform(data).Schema);
        CheckPromise(promised, mapper.OutputSchema);
        CollectionAssert.IsSubsetOf(
            loadedSchema.Select(column => column.Name).ToArray(), data.Schema.Select(column => column.Name).ToArray());

        foreach (var column in outputs)
        {
            Assert.AreEqual(Values(transformer.Transform(data), column), Values(loaded.Transform(data), column));
        }
    }

    private static void CheckSchemas(DataViewSchema expected, DataViewSchema actual) => CollectionAssert.AreEqual(
        expected.Select(column => $"{column.Name}: {column.Type}").ToArray(), actual.Select(column => $"{column.Name}: {column.Type}").ToArray());

    // In both directions, since each asks only whether its own annotations are in the other.
    private static void CheckPromise(SchemaShape promised, DataViewSchema actual)
    {
        var shape = SchemaShape.Create(actual);
        foreach (var column in promised)
        {
            Assert.IsTrue(shape.TryFindColumn(column.Name, out var real) && real.IsCompatibleWith(column) && column.IsCompatibleWith(real), column.Name);
        }
    }

    private static string Values(IDataView data, string column) => data.Schema[column].Type switch
    {
        VectorDataViewType { ItemType: TextDataViewType } => string.Join('\n', data.GetColumn<string[]>(column).Select(row => string.Join('|', row))),
        VectorDataViewType { ItemType: KeyDataViewType } => string.Join('\n', data.GetColumn<VBuffer<uint>>(column).Select(row => string.Join(' ', row.DenseValues()))),
        VectorDataViewType => string.Join('\n', data.GetColumn<float[]>(column).Select(row => string.Join(' ', row))),
        KeyDataViewType => string.Join('\n', data.GetColumn<uint>(column)),
        _ => string.Join('\n', data.GetColumn<float>(column)),
    };
}
