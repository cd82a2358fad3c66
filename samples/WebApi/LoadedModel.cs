using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace WebApiSample;

/// <summary>One model as it was read from a file. Scores on one thread at a time.</summary>
internal sealed class LoadedModel<TInput> : IDisposable
    where TInput : class
{
    private const string ScoreColumn = "Score";

    private readonly ITransformer _model;
    private readonly CurrentRows _rows = new();
    private readonly IDataView _scored;

    private LoadedModel(string path)
    {
        var mlContext = new MLContext();
        _model = mlContext.Model.Load(path, out _);
        try
        {
            _scored = _model.Transform(mlContext.Data.LoadFromEnumerable(_rows));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Names of the classes, in the order of the scores.</summary>
    public IReadOnlyList<string> ClassNames { get; private set; } = [];

    /// <summary>Reads a model and scores one row with it: what cannot do that is refused here, and not when users ask.</summary>
    /// <param name="path">The file.</param>
    /// <param name="example">Any row; an answer that is not a number will do.</param>
    public static LoadedModel<TInput> Load(string path, TInput example)
    {
        var model = new LoadedModel<TInput>(path);
        try
        {
            var names = default(VBuffer<ReadOnlyMemory<char>>);
            model._scored.Schema[ScoreColumn].GetSlotNames(ref names);
            model.ClassNames = [.. names.DenseValues().Select(name => name.ToString())];
            if (model.Score([example]).Single().Length != model.ClassNames.Count)
            {
                throw new InvalidDataException($"The model \"{path}\" does not name its classes. Train it with a label that is a text.");
            }

            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The probability of each class for each row, all rows in one forward pass.</summary>
    /// <param name="rows">The rows.</param>
    /// <returns>An array for each row; not numbers where a picture cannot be read.</returns>
    public IReadOnlyList<float[]> Score(IReadOnlyList<TInput> rows)
    {
        _rows.Now = rows;
        return [.. _scored.GetColumn<float[]>(ScoreColumn)];
    }

    public void Dispose() => (_model as IDisposable)?.Dispose();

    /// <summary>The rows of this moment: a view over them is made once for the model and not once for each batch, which costs as much as a short text.</summary>
    private sealed class CurrentRows : IEnumerable<TInput>
    {
        public IReadOnlyList<TInput> Now { get; set; } = [];

        public IEnumerator<TInput> GetEnumerator() => Now.GetEnumerator();

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
