using System.Globalization;
using ReplicationSample;
using Samples;
using Spectre.Console.Cli;

CultureInfo.CurrentCulture = CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true; // finished cells are on disk; the cell at hand ends at its next step
    stop.Cancel();
};

var app = new CommandApp();
app.Configure(config =>
{
    config.SetApplicationName("./build.sh replicate");
    config.PropagateExceptions();
    config.SetInterceptor(new UnknownOptions()); // strict parsing would take an option without its value
    config.AddCommand<MeasureCommand>("e1").WithData(ExperimentKind.E1)
        .WithDescription("Quality γ ÷ γ of SGD of update directions along a training run (the paper's E1).")
        .WithExample("e1", "sst2", "--data", "FOLDER");
    config.AddCommand<MeasureCommand>("e2").WithData(ExperimentKind.E2)
        .WithDescription("Training with each optimizer, learning rate and seed (E2).")
        .WithExample("e2", "quick");
    config.AddCommand<MeasureCommand>("e3").WithData(ExperimentKind.E3)
        .WithDescription("Quality of update directions against their damping (E3).")
        .WithExample("e3", "my-experiment.json", "--output", "results");
    config.AddCommand<MeasureCommand>("mlp").WithData(ExperimentKind.Mlp)
        .WithDescription("A multi-layer perceptron from scratch on pictures, with each optimizer (App. H.7).")
        .WithExample("mlp", "mlp", "--data", "FOLDER");
    config.AddCommand<MeasureCommand>("pruning").WithData(ExperimentKind.Pruning)
        .WithDescription("Such a perceptron pruned with EF and iEF blocks of the Fisher matrix, and by magnitude (App. D.2.3).")
        .WithExample("pruning", "pruning", "--data", "FOLDER");
    config.AddCommand<MeasureCommand>("rates").WithData(ExperimentKind.Rates)
        .WithDescription("Accuracy and loss at factors of each optimizer's default learning rate, after runs of several lengths.")
        .WithExample("rates", "rates", "--data", "FOLDER");
    config.AddCommand<QuickCommand>("quick")
        .WithDescription("All six, small, on the data of this repository; checks that nothing is missing.")
        .WithExample("quick", "--tiny");
    config.AddCommand<SummaryCommand>("summary")
        .WithDescription("Tables, CSV, JSON and pictures again from the finished cells of an output folder.")
        .WithExample("summary", "replication-output");
    config.AddCommand<MinutesCommand>("minutes")
        .WithDescription("Draws the results of ./build.sh bench minutes: accuracy and loss against the time used.")
        .WithExample("minutes", "minutes.jsonl");
    config.AddCommand<PresetsCommand>("presets")
        .WithDescription("Lists the experiment files that are built in, or prints one to start your own from.")
        .WithExample("presets", "sst2");
});

try
{
    return app.Run(args, stop.Token);
}
catch (Exception exception) when (exception is UsageException or CommandAppException)
{
    Console.Error.WriteLine($"error: {exception.Message}\nSee ./build.sh replicate --help.");
    return 2;
}
catch (Exception exception) when (exception is IOException or InvalidOperationException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"error: {exception.Message}"); // such as a full disk
    return 1;
}
catch (OperationCanceledException)
{
    Console.Error.WriteLine("Stopped. Finished cells are kept; the same command goes on with the others.");
    return 130;
}
