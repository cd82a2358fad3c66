namespace ReplicationSample;

/// <summary>What the cells of one table and picture say.</summary>
/// <param name="Table">The table.</param>
/// <param name="Chart">The picture.</param>
/// <param name="Csv">Every number of the cells, a line for each.</param>
internal sealed record GroupReport(ResultTable Table, IChart Chart, string Csv)
{
    /// <summary>Sums up.</summary>
    /// <param name="kind">What the cells are for.</param>
    /// <param name="name">Name of the experiment.</param>
    /// <param name="cells">The cells: the same settings but for optimizer, rate and seed; with rates also for task and length.</param>
    public static GroupReport Create(ExperimentKind kind, string name, IReadOnlyList<FinishedCell> cells) => kind switch
    {
        ExperimentKind.E1 => new GroupReport(QualityTables.AlongRun(cells), QualityTables.AlongRunChart(name, cells), CsvText.Quality(cells)),
        ExperimentKind.E3 => new GroupReport(QualityTables.AgainstDamping(cells), QualityTables.AgainstDampingChart(name, cells), CsvText.Quality(cells)),
        ExperimentKind.Pruning => new GroupReport(PruningTables.AgainstSparsity(cells), PruningTables.AgainstSparsityChart(name, cells), CsvText.Pruning(cells)),
        ExperimentKind.Rates => new GroupReport(RateTables.AgainstDefault(RatePoint.Of(cells)), new RateChart(RatePoint.Of(cells)), CsvText.Rates(cells)),
        _ => new GroupReport(TrainingTables.Optimizers(cells), TrainingTables.LossChart(name, cells), CsvText.Training(cells)),
    };
}
